# The GPT of shakespeare.ts in PyTorch, as one would write it there: fused AdamW, scaled_dot_product_attention, float32.
# Prints one line of JSON: {"steps", "seconds", "loss"}; loss is that of the whole validation tenth, and not in the seconds.
# Run: python shakespeare-pytorch.py <input.txt> <steps> <seed> <learning rate>
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

BLOCK, BATCH, LAYERS, HEADS, WIDTH = 64, 12, 4, 4, 128


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH, bias=False)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.attention_output = nn.Linear(WIDTH, WIDTH, bias=False)
        self.dense_norm = nn.LayerNorm(WIDTH, bias=False)
        self.inner = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.output = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        rows, time_steps, _ = x.shape
        parts = self.query_key_value(self.attention_norm(x)).split(WIDTH, dim=2)
        q, k, v = (part.view(rows, time_steps, HEADS, -1).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attention_output(seen.transpose(1, 2).reshape(rows, time_steps, WIDTH))
        return x + self.output(F.gelu(self.inner(self.dense_norm(x))))


class Gpt(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(BLOCK, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                last = name.endswith("output.weight")
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * LAYERS) if last else 0.02)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.T


def rate_at(step, steps, peak):
    """A hundred steps of warm-up, then half a cosine to a tenth."""
    if step < 100:
        return peak * (step + 1) / 100
    progress = min(1, (step - 100) / max(1, steps - 100))
    return peak / 10 + (peak - peak / 10) * (1 + math.cos(math.pi * progress)) / 2


def main():
    path, steps, seed, peak = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    text = open(path, encoding="utf-8").read()
    codes = {character: code for code, character in enumerate(sorted(set(text)))}
    ids = torch.tensor([codes[character] for character in text])
    boundary = int(len(ids) * 0.9)
    training, validation = ids[:boundary], ids[boundary:]
    torch.manual_seed(seed)
    model = Gpt(len(codes))
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.99), fused=True)
    started = time.perf_counter()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, steps, peak)
        starts = torch.randint(len(training) - BLOCK, (BATCH,)).tolist()
        x = torch.stack([training[start : start + BLOCK] for start in starts])
        y = torch.stack([training[start + 1 : start + 1 + BLOCK] for start in starts])
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    seconds = time.perf_counter() - started
    blocks = (len(validation) - 1) // BLOCK
    x = validation[: blocks * BLOCK].view(blocks, BLOCK)
    y = validation[1 : blocks * BLOCK + 1].view(blocks, BLOCK)
    with torch.no_grad():
        losses = [F.cross_entropy(model(a).flatten(0, 1), b.flatten(), reduction="sum") for a, b in zip(x.split(128), y.split(128))]
    print(json.dumps({"steps": steps, "seconds": seconds, "loss": float(sum(losses)) / (blocks * BLOCK)}))


main()
