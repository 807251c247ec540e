"""How our own weights came to be: made-up scenes, a small network, the training loop.

`python -m redact.training --help` trains; it needs the extra `train`. Nothing here is loaded by
the rest of the package.

drawing.py    text, textures, shading: what the scenes are drawn with
scripts.py    numbers and words in the scripts of the world
plates.py     licence plates of many layouts
lookalikes.py things that only look like one
backgrounds.py, people.py             what is behind
cars.py, motorcycles.py, camera.py    what stands there, what films it
photos.py     photographs behind the scenes, where a folder of them is given; split.py: which
scenes.py     all of it in perspective: a picture with its boxes
network.py    the network and its loss
loop.py       training that can stop and go on, its log, the ONNX file at the end
restoring.py  the network of such a file, to train on
mixing.py     the weights between two trainings
"""
