"""How the plate network's weights were made: drawn scenes, a small network, a training loop.

`python -m redact.training FOLDER` trains the network; `--help` lists its options. It needs the
extra `train`. The rest of the package imports nothing from here.

drawing.py       random values, text, textures and shading that the scenes are drawn with
scripts.py       registration numbers and words in many scripts
plates.py        licence plates of many layouts
lookalikes.py    things that look like a plate and are none
backgrounds.py   what is behind the objects; people.py draws people there
cars.py          cars and single plates; motorcycles.py the rear of motorcycles
camera.py        light, lens, sensor noise and compression
photos.py        photographs as backgrounds, if a folder of them is given
split.py         which photographs are trained on and which are held out
scenes.py        puts all of these together: an image and the boxes of its plates
network.py       the network, its targets and its loss
loop.py          the training loop with checkpoint and log, and the export to ONNX
restoring.py     a trainable network from an exported ONNX file
mixing.py        the weighted mean of two checkpoints
"""
