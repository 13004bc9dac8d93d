"""A small transformer learns to write, one character after another.

    python examples/text_transformer.py [--device cpu|cuda|auto] [--quick]

The text is Python's own documentation of its language, which comes with Python. The
model reads up to 64 characters and says, after each of them, which one may come next.
It sees only what stands before: that is what "causal" means. To write, we ask it for
the next character, add that to the text, and ask again.

After one or two minutes the loss on text that it has not seen is below 1.7 nats per
character (with --quick, below 2.4 in ten seconds); guessing blindly would cost 4.5.
"""

import argparse
import pydoc_data.topics
import time

from xpnet import losses, nn, no_grad, optim, xp
from xpnet.random import Generator


class Writer(nn.Module):
    """A transformer that gives a score to each character that may come next."""

    def __init__(self, characters, context, width, heads, layers, rng):
        self.context = context
        self.what = nn.Embedding(characters, width, rng=rng)
        self.where = nn.Embedding(context, width, rng=rng)
        block = nn.TransformerEncoderLayer(
            width,
            heads,
            dim_feedforward=4 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
            rng=rng,
        )
        self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(width))
        self.next = nn.Linear(width, characters, rng=rng)

    def forward(self, ids):
        """Return scores (N, T, characters) for the numbers of characters (N, T)."""
        places = xp.arange(ids.shape[1], device=ids.device)
        x = self.what(ids) + self.where(places)  # (N, T, width)
        x = self.blocks(x, is_causal=True)
        return self.next(x)


def read_text():
    """Return the text, and the characters that are in it."""
    pages = "\n\n".join(pydoc_data.topics.topics.values())
    lines = [" ".join(line.split()) for line in pages.splitlines()]
    text = "\n".join(line for line in lines if line.isascii() and "|" not in line)
    return text, sorted(set(text))


def windows(ids, count, length, rng):
    """Return some pieces of the text, and for each character the one after it."""
    starts = rng.integers(0, ids.shape[0] - length, (count, 1), device=ids.device)
    at = starts + xp.arange(length + 1, device=ids.device)  # (N, T + 1)
    pieces = xp.reshape(xp.take(ids, xp.reshape(at, (-1,))), at.shape)
    return pieces[:, :-1], pieces[:, 1:]


def loss_of(model, x, y):
    """Return the mean surprise at the next character, in nats."""
    scores = model(x)
    rows = xp.reshape(scores, (-1, scores.shape[-1]))
    return losses.cross_entropy(rows, xp.reshape(y, (-1,)))


def train(model, seen, unseen, steps, rate, rng):
    """Show pieces of the text to the model, and now and then test it on another."""
    opt = optim.AdamW(model.parameters(), lr=rate)
    # small at first, and smaller again towards the end
    schedule = optim.WarmUp(optim.CosineAnnealingLR(opt, T_max=steps - 50), steps=50)
    begin = time.perf_counter()
    for step in range(steps + 1):
        if step % (steps // 4) == 0:
            with no_grad():
                test = windows(unseen, 64, model.context, Generator(1))
                loss = float(loss_of(model.eval(), *test))
            spent = time.perf_counter() - begin
            print(f"step {step:4d}: {loss:.3f} nats on unseen text ({spent:.0f} s)")
        loss = loss_of(model.train(), *windows(seen, 16, model.context, rng))
        opt.zero_grad()
        loss.backward()
        opt.step()
        schedule.step()


def write(model, start, count, rng, temperature=0.7):
    """Return numbers of characters: those of `start`, and `count` more."""
    ids = start
    with no_grad():
        for _ in range(count):
            scores = model(ids[:, -model.context :])[0, -1, :] / temperature
            # the largest of scores plus Gumbel noise is a draw from their softmax
            noise = rng.uniform(scores.shape, 1e-9, 1.0, device=ids.device)
            best = xp.argmax(scores - xp.log(-xp.log(noise)), keepdims=True)
            ids = xp.concat([ids, xp.reshape(best, (1, 1))], axis=1)
    return ids


def main():
    parser = argparse.ArgumentParser(description="A transformer that writes.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--quick", action="store_true", help="a smaller model")
    options = parser.parse_args()
    if options.quick:
        context, width, heads, layers, steps, rate = 48, 48, 4, 2, 600, 8e-3
    else:
        context, width, heads, layers, steps, rate = 64, 128, 4, 4, 1000, 4e-3

    text, characters = read_text()
    number = {c: i for i, c in enumerate(characters)}
    ids = xp.asarray([number[c] for c in text], device=options.device)
    seen, unseen = ids[: -len(text) // 10], ids[-len(text) // 10 :]
    print(f"{len(text):,} characters, {len(characters)} different ones")

    rng = Generator(0)
    model = Writer(len(characters), context, width, heads, layers, rng)
    model.to(options.device)
    print(f"{model.num_parameters():,} parameters\n")
    train(model, seen, unseen, steps, rate, rng)

    start = xp.asarray([[number[c] for c in "The "]], device=options.device)
    written = write(model.eval(), start, 100 if options.quick else 400, rng)
    print("\n" + "".join(characters[i] for i in written[0, :].tolist()))


if __name__ == "__main__":
    main()
