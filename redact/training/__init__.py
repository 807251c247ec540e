"""How our own weights came to be: made-up scenes, a small network, the training loop.

`python -m redact.training --help` trains; it needs the extra `train`. Nothing here is loaded by
the rest of the package.

drawing.py    text, textures, shading: what the scenes are drawn with
plates.py     licence plates of many layouts, and things that only look like one
scenes.py     cars and backgrounds, perspective, light, camera: a picture with its boxes
network.py    the network and its loss
loop.py       training that can stop and go on, its log, the ONNX file at the end
"""
