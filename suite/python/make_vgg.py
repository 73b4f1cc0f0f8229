"""An over-parameterised VGG-like network and its data: `python make_vgg.py FOLDER`.

Needs torch and onnx. Writes FOLDER/data/pictures.npz (colour pictures of 32 × 32 drawn by rule: five outlines in four
textures, of any colour, place and size, turned by up to 29°, with clutter and noise; float32 of 0 … 1, channels first), then
FOLDER/models/vgg.onnx (1.9 million weights in float32, batch normalization folded), which learned from them. What is
there already is left. The same machine makes the same files.
"""

import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SIDE = 32
OUTLINES = ["disc", "square", "triangle", "cross", "ring"]
TEXTURES = ["plain", "stripes", "checks", "dots"]
SAMPLES = {"train": 5000, "val": 2500}
EPOCHS, BATCH, RATE = 16, 64, 1e-3
# Channels of the convolutions, a halving after each pair; neurons of the dense layers.
CHANNELS, NEURONS = [16, 32, 64], [1152, 512]


def inside(outline, u, v):
    """Where (u, v) in units of the radius lie inside."""
    if outline == "disc":
        return u * u + v * v < 1
    if outline == "ring":
        return (u * u + v * v < 1) & (u * u + v * v > 0.3)
    if outline == "square":
        return (abs(u) < 0.85) & (abs(v) < 0.85)
    if outline == "cross":
        return ((abs(u) < 0.32) & (abs(v) < 1)) | ((abs(v) < 0.32) & (abs(u) < 1))
    return (v > -0.6) & (v + 1.8 * abs(u) < 1.1)


def painted(texture, u, v, radius):
    """Where the second colour goes; periods are of 5 pixels."""
    a, b = u * radius / 2.5, v * radius / 2.5
    if texture == "stripes":
        return np.floor(a) % 2 == 0
    if texture == "checks":
        return (np.floor(a) + np.floor(b)) % 2 == 0
    if texture == "dots":
        return (a % 2 - 1) ** 2 + (b % 2 - 1) ** 2 < 0.45
    return np.zeros_like(u, bool)


def colours(random):
    """Background, first and second colour, each clearly apart from the others."""
    while True:
        three = random.random((3, 3))
        if min(np.linalg.norm(three[i] - three[i - 1]) for i in range(3)) > 0.45:
            return three


def picture(label, random):
    outline, texture = OUTLINES[label // len(TEXTURES)], TEXTURES[label % len(TEXTURES)]
    background, first, second = colours(random)
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    shade = random.normal(0, 0.004, 2)
    image = np.broadcast_to(background[:, None, None], (3, SIDE, SIDE)) + shade[0] * (x - 16) + shade[1] * (y - 16)
    for _ in range(2):
        # Clutter: short bars.
        cx, cy, turn = random.uniform(0, SIDE), random.uniform(0, SIDE), random.uniform(0, np.pi)
        along = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        across = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        image = np.where((abs(along) < 4) & (abs(across) < 1), random.random(3)[:, None, None], image)
    radius, turn = random.uniform(9, 13), random.uniform(-0.5, 0.5)
    cx, cy = random.uniform(radius - 2, SIDE - radius + 2, 2)
    u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / radius
    v = ((y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)) / radius
    fill = np.where(painted(texture, u, v, radius), second[:, None, None], first[:, None, None])
    image = np.where(inside(outline, u, v), fill, image) + random.normal(0, 0.04, image.shape)
    # As a file of 8 bits a value holds it.
    return (np.round(np.clip(image, 0, 1) * 255) / 255).astype(np.float32)


def drawn(file):
    random = np.random.default_rng(0)
    arrays = {}
    for split, count in SAMPLES.items():
        labels = random.permutation(np.arange(count) % (len(OUTLINES) * len(TEXTURES)))
        arrays[f"x_{split}"] = np.stack([picture(label, random) for label in labels])
        arrays[f"y_{split}"] = labels.astype(np.int64)
    with open(f"{file}.part", "wb") as part:
        np.savez_compressed(part, **arrays)
    os.replace(f"{file}.part", file)


def network():
    layers, before = [], 3
    for channels in CHANNELS:
        for _ in range(2):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    before *= (SIDE >> len(CHANNELS)) ** 2
    for neurons in NEURONS:
        layers += [nn.Linear(before, neurons), nn.ReLU(), nn.Dropout(0.3)]
        before = neurons
    return nn.Sequential(*layers, nn.Linear(before, len(OUTLINES) * len(TEXTURES)))


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return sum((model(a).argmax(1) == b).sum().item() for a, b in zip(x.split(500), y.split(500))) / len(y)


def trained(data):
    torch.manual_seed(0)
    # Several threads wait for each other where other programs run, and add up in another order each time.
    torch.set_num_threads(1)
    x, y, x_val, y_val = (torch.from_numpy(data[name]) for name in ("x_train", "y_train", "x_val", "y_val"))
    x, model = x.to(memory_format=torch.channels_last), network().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01, fused=True)
    steps = EPOCHS * -(-len(y) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        model.train()
        for at in torch.randperm(len(y)).split(BATCH):
            seen = x[at].flip(3) if torch.rand(1) < 0.5 else x[at]
            optimizer.zero_grad()
            F.cross_entropy(model(seen), y[at]).backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: {accuracy(model, x_val, y_val):.4f}", flush=True)
    return model.eval()


def main(folder):
    for part in ("models", "data"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    data, file = os.path.join(folder, "data", "pictures.npz"), os.path.join(folder, "models", "vgg.onnx")
    if not os.path.exists(data):
        drawn(data)
    if os.path.exists(file):
        return
    names = {"input_names": ["pictures"], "output_names": ["classes"]}
    free = {"pictures": {0: "batch"}, "classes": {0: "batch"}}
    model = trained(np.load(data))
    torch.onnx.export(
        model, torch.zeros(1, 3, SIDE, SIDE), f"{file}.part", **names, dynamic_axes=free, opset_version=17, dynamo=False
    )
    os.replace(f"{file}.part", file)


if __name__ == "__main__":
    main(sys.argv[1])
