"""Makes the sample of drones and birds (resources/samples/drones): pictures drawn by rule, the detector by PyTorch.
`python make_drones.py FOLDER`; needs torch, onnx, numpy and pillow."""
import pathlib
import sys

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import nn

root = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(18)
torch.manual_seed(18)
torch.set_num_threads(2)


def train(model, batches, loss_of, steps, rate=2e-3):
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for step in range(steps):
        x, y = batches(step)
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(step, float(loss), flush=True)
    return model.eval()


def save(model, x, name, output):
    torch.onnx.export(
        model, x, root / name, dynamo=False, opset_version=17, input_names=["x"], output_names=[output],
        dynamic_axes={"x": {0: "N"}, output: {0: "N"}},
    )


def conv(i, o, k=3, s=1, g=1):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o), nn.ReLU())


# --- drones and birds
SIDE, STRIDE = 96, 8


def picture():
    """A sky with clouds, and drones (a cross with four rotors) and birds (two wings) in it."""
    top, low = rng.uniform(90, 230, 3), rng.uniform(120, 240, 3)
    grey = np.linspace(0, 1, SIDE)[:, None, None]
    sky = (top * (1 - grey) + low * grey) * np.ones((1, SIDE, 1))
    clouds = Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).resize((SIDE, SIDE), Image.BICUBIC)
    sky += (np.asarray(clouds, np.float64)[..., None] - 128) * rng.uniform(0, 0.3)
    image = Image.fromarray(sky.clip(0, 255).astype(np.uint8)).resize((2 * SIDE, 2 * SIDE))
    ink, boxes = ImageDraw.Draw(image), []
    for _ in range(int(rng.integers(0, 4))):
        bird, r = int(rng.integers(2)), rng.uniform(7, 15)
        cx, cy = rng.uniform(r + 1, SIDE - r - 1, 2)
        if any(np.hypot(cx - b[1], cy - b[2]) < 1.2 * (r + max(b[3:]) / 2) for b in boxes):
            continue
        dark = tuple(int(v) for v in rng.uniform(10, 80, 3))
        turn = rng.uniform(-0.4, 0.4)
        at = lambda x, y: (2 * (cx + r * (x * np.cos(turn) - y * np.sin(turn))), 2 * (cy + r * (x * np.sin(turn) + y * np.cos(turn))))
        if bird:
            points = [(-1, 0.1), (-0.5, -0.45), (0, 0), (0.5, -0.45), (1, 0.1)]
            ink.line([at(*p) for p in points], fill=dark, width=max(2, int(r / 3)), joint="curve")
        else:
            points = [(x, y) for x in (-0.72, 0.72) for y in (-0.5, 0.5)]
            for p in points:
                ink.line([at(0, 0), at(*p)], fill=dark, width=max(2, int(r / 4)))
                x, y = at(*p)
                ink.ellipse([x - 0.7 * r, y - 0.25 * r, x + 0.7 * r, y + 0.25 * r], fill=dark)
        ends = np.array([at(*p) for p in points]) / 2
        grow = np.array([0.08 * r, 0.1 * r] if bird else [0.35 * r, 0.13 * r])
        (x0, y0), (x1, y1) = ends.min(0) - grow, ends.max(0) + grow
        boxes.append((bird, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0))
    image = image.resize((SIDE, SIDE), Image.LANCZOS).filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.7)))
    noisy = np.asarray(image, np.float64) + rng.normal(0, rng.uniform(0, 8), (SIDE, SIDE, 3))
    return noisy.clip(0, 255).astype(np.uint8), boxes


class Detector(nn.Module):
    """[N, 4 + 2, 144]: middle, width and height in pixels, and a score for each class, as YOLOv8 lays them out."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 16, 3, 2), conv(16, 32, 3, 2), conv(32, 32), conv(32, 64, 3, 2), conv(64, 64), conv(64, 64), nn.Conv2d(64, 6, 1)
        )
        y, x = torch.meshgrid(torch.arange(SIDE // STRIDE), torch.arange(SIDE // STRIDE), indexing="ij")
        self.register_buffer("grid", torch.stack([x, y]).reshape(1, 2, -1) * float(STRIDE))

    def forward(self, x):
        raw = self.body(x).flatten(2)
        middle = raw[:, :2].sigmoid() * STRIDE + self.grid
        size = raw[:, 2:4].sigmoid() * 48
        return torch.cat([middle, size, raw[:, 4:].sigmoid()], 1)


def draw(count):
    pictures, targets, lists = [], torch.zeros(count, 7, (SIDE // STRIDE) ** 2), []
    for i in range(count):
        pixels, boxes = picture()
        pictures.append(pixels)
        lists.append(boxes)
        for c, x, y, w, h in boxes:
            cell = int(y // STRIDE) * (SIDE // STRIDE) + int(x // STRIDE)
            targets[i, :4, cell] = torch.tensor([x, y, w, h])
            targets[i, 4 + c, cell] = 1
            targets[i, 6, cell] = 1
    return pictures, targets, lists

def loss_of(out, target):
    here = target[:, 6:]
    error = ((out[:, :4] - target[:, :4]).abs() * here).sum() / here.sum().clamp(min=1) / 4
    p, t = out[:, 4:].clamp(1e-5, 1 - 1e-5), target[:, 4:6]
    focal = -(t * (1 - p) ** 2 * p.log() + 0.5 * (1 - t) * p**2 * (1 - p).log()).sum() / here.sum().clamp(min=1)
    return 0.3 * error + focal

pictures, targets, _ = draw(6000)
x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
model = Detector()
picks = lambda step: (lambda at: (x[at].float() / 255, targets[at]))(torch.from_numpy(rng.integers(0, len(x), 48)))
train(model, picks, loss_of, 900, 4e-3)
root.mkdir(parents=True, exist_ok=True)
save(model, x[:2].float() / 255, "drones.onnx", "boxes")
for part, count in {"train": 100, "valid": 100}.items():
    pictures, _, lists = draw(count)
    for folder in ("images", "labels"):
        (root / "data" / folder / part).mkdir(parents=True, exist_ok=True)
    for i, (pixels, boxes) in enumerate(zip(pictures, lists)):
        Image.fromarray(pixels).save(root / "data" / "images" / part / f"{i:03}.jpg", quality=88)
        lines = [f"{c} {x / SIDE:.5f} {y / SIDE:.5f} {w / SIDE:.5f} {h / SIDE:.5f}" for c, x, y, w, h in boxes]
        (root / "data" / "labels" / part / f"{i:03}.txt").write_text("\n".join(lines))
yaml = "train: images/train\nval: images/valid\nnames:\n  0: drone\n  1: bird\n"
(root / "data" / "data.yaml").write_text(yaml)
