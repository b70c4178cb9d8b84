# PyTorch's side of the training bench: one workload in one variant, driven by lines of JSON on standard input
# ({"steps": 20} -> {"msPerStep": 1.2, "loss": 0.6}). The first line out says that it is ready. Sizes, optimisers and
# settings are those of workloads.ts; data is random and lies in memory as tensors, so that steps alone are timed.
# Arguments: workload, variant, threads.
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

BATCHES = 8


def images(count, channels, size):
    return [
        (torch.rand(count, channels, size, size) * 2 - 1, torch.randint(0, 10, (count,))) for _ in range(BATCHES)
    ]


def mlp_small(variant):
    model = nn.Sequential(nn.Linear(100, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
    batches = []
    for _ in range(BATCHES):
        x = torch.rand(32, 100) * 2 - 1
        batches.append((x, (x[:, 0:1] + x[:, 1:2] > 0).float()))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if variant == "fused" else {}))
    return model, optimizer, batches, F.binary_cross_entropy_with_logits, None


def mlp_digits(variant):
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    batches = [(torch.rand(128, 784), torch.randint(0, 10, (128,))) for _ in range(BATCHES)]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if variant == "fused" else {}))
    return model, optimizer, batches, F.cross_entropy, None


def in_layout(model, batches, variant):
    if variant != "channels-last":
        return model, batches
    layout = torch.channels_last
    return model.to(memory_format=layout), [(x.to(memory_format=layout), y) for x, y in batches]


def lenet(variant):
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    model, batches = in_layout(model, images(64, 1, 28), variant)
    return model, torch.optim.SGD(model.parameters(), lr=0.05), batches, F.cross_entropy, None


class ResNetBlock(nn.Module):
    """The basic block; a learned offset per channel before it makes the gradient run through all of it."""

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(1, 64, 1, 1))
        self.conv1 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(64)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = x + self.offset
        h = torch.relu(self.norm1(self.conv1(x)))
        h = torch.relu(self.norm2(self.conv2(h)) + x)
        return self.head(h.mean((2, 3)))


def resnet_block(variant):
    model, batches = in_layout(ResNetBlock(), images(32, 64, 16), variant)
    return model, torch.optim.SGD(model.parameters(), lr=0.05), batches, F.cross_entropy, None


LAYERS, HEADS, WIDTH, BLOCK, BATCH, VOCABULARY = 4, 4, 128, 64, 12, 65


class Attention(nn.Module):
    def __init__(self, fused):
        super().__init__()
        self.fused = fused
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(BLOCK, BLOCK)).bool())

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (part.view(b, t, HEADS, c // HEADS).transpose(1, 2) for part in self.qkv(x).split(WIDTH, dim=2))
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (c // HEADS) ** -0.5
            y = F.softmax(scores.masked_fill(~self.mask[:t, :t], float("-inf")), dim=-1) @ v
        return self.out(y.transpose(1, 2).reshape(b, t, c))


class Block(nn.Module):
    def __init__(self, fused):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, bias=False)
        self.attention = Attention(fused)
        self.norm2 = nn.LayerNorm(WIDTH, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH, bias=False)
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Gpt(nn.Module):
    def __init__(self, fused):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(BLOCK, WIDTH)
        self.blocks = nn.Sequential(*(Block(fused) for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for parameter in self.parameters():
            if parameter.dim() >= 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, x):
        h = self.tokens(x) + self.positions(torch.arange(x.shape[1]))
        # The output layer is the token table, transposed.
        return (self.norm(self.blocks(h)) @ self.tokens.weight.T).view(-1, VOCABULARY)


def gpt(variant):
    fused = variant == "sdpa-fused"
    model = Gpt(fused)
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.99), **({"fused": True} if fused else {}),
    )  # fmt: skip
    return model, optimizer, token_batches(BATCH), F.cross_entropy, 1.0


def token_batches(rows):
    text = (torch.arange(4096) ** 2 + 3 * torch.arange(4096)) % VOCABULARY
    batches = []
    for _ in range(BATCHES):
        starts = torch.randint(0, 4096 - BLOCK - 1, (rows,))
        x = torch.stack([text[i : i + BLOCK] for i in starts])
        y = torch.stack([text[i + 1 : i + BLOCK + 1] for i in starts])
        batches.append((x, y.reshape(-1)))
    return batches


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, 256)
        self.layers = nn.LSTM(256, 256, 2, batch_first=True)
        self.head = nn.Linear(256, VOCABULARY)

    def forward(self, x):
        return self.head(self.layers(self.tokens(x))[0]).view(-1, VOCABULARY)


def lstm(variant):
    model = Lstm()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if variant == "fused" else {}))
    return model, optimizer, token_batches(64), F.cross_entropy, None


def main():
    workload, variant, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    makers = {
        "mlp-small": mlp_small,
        "mlp-digits": mlp_digits,
        "lenet": lenet,
        "resnet-block": resnet_block,
        "gpt": gpt,
        "lstm": lstm,
    }
    model, optimizer, batches, loss_of, clip = makers[workload](variant)
    model.train()
    done = 0
    print(json.dumps({"ready": f"PyTorch {torch.__version__}"}), flush=True)
    for line in sys.stdin:
        steps = json.loads(line)["steps"]
        start = time.perf_counter()
        for _ in range(steps):
            x, y = batches[done % BATCHES]
            done += 1
            loss = loss_of(model(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
        value = loss.item()
        ms = (time.perf_counter() - start) * 1000
        print(json.dumps({"msPerStep": ms / steps, "loss": value}), flush=True)


main()
