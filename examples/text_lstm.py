"""An LSTM reads a text, one character after another, and learns to go on with it.

    python examples/text_lstm.py [--device cpu|cuda|auto] [--quick]

The text is Python's own documentation of its language, which comes with Python. The
network reads a character, changes what it keeps in mind (its state), and says which
character may come next. Nothing but the state tells it what it has read before.

The text is cut into streams that are read side by side, 64 characters between two
updates. The state goes on from one piece to the next; the gradient does not go back
into the piece before ("truncated backpropagation through time").

After about a minute the loss is below 1.5 nats per character of text that it has not
seen (below 2.4 with --quick, in ten seconds). Guessing blindly costs 4.5.
"""

import argparse
import pydoc_data.topics
import re
import time

from xpnet import losses, nn, no_grad, optim, xp
from xpnet.random import Generator

PIECE = 64  # characters between two updates


class Reader(nn.Module):
    """A network that reads characters and gives a score to each that may come next."""

    def __init__(self, characters, width, rng):
        self.look = nn.Embedding(characters, width // 4, rng=rng)
        self.read = nn.LSTM(width // 4, width, rng=rng)
        self.guess = nn.Linear(width, characters, rng=rng)

    def forward(self, ids, state=None):
        """Return scores (T, B, characters) for ids (T, B), and the state behind."""
        seen, state = self.read(self.look(ids), state)  # (T, B, width)
        return self.guess(seen), state


def read_text():
    """Return the text, and the characters that are in it."""
    text = "\n\n".join(pydoc_data.topics.topics.values())
    text = re.sub(" +", " ", text)  # an indentation is long, and says little
    text = "".join(c for c in text if c == "\n" or (c.isascii() and c.isprintable()))
    return text, sorted(set(text))


def streams(ids, count):
    """Cut a text into `count` parts of one length: (characters, parts)."""
    length = ids.shape[0] // count
    return xp.reshape(ids[: length * count], (count, length)).T


def loss_of(scores, y):
    """Return the mean surprise at the next character, in nats."""
    rows = xp.reshape(scores, (-1, scores.shape[-1]))
    return losses.cross_entropy(rows, xp.reshape(y, (-1,)))


def piece(text, step):
    """Return the characters of an update, and for each the one after it."""
    at = step % ((text.shape[0] - 1) // PIECE) * PIECE
    return text[at : at + PIECE, :], text[at + 1 : at + PIECE + 1, :]


def learn(model, opt, x, y, state):
    """Make one update; return the state after it."""
    scores, state = model(x, state)
    loss = loss_of(scores, y)
    opt.zero_grad()
    loss.backward()
    # now and then a gradient is large, and one step along it would spoil much
    optim.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    return [part.detach() for part in state]


def surprise(model, text):
    """Return the loss on a text, read from its beginning to its end."""
    with no_grad():
        scores, _ = model(text[:-1, :])
        return loss_of(scores, text[1:, :]).item()


def write(model, ids, count, rng, temperature=0.6):
    """Return the characters `ids`, (T, 1), and `count` more that the network drew."""
    written, state = ids.tolist(), None
    with no_grad():
        for _ in range(count):
            scores, state = model(ids, state)
            scores = scores[-1, 0, :] / temperature
            # the largest of scores plus Gumbel noise is a draw from their softmax
            noise = rng.uniform(scores.shape, 1e-9, 1.0, device=scores.device)
            ids = xp.reshape(xp.argmax(scores - xp.log(-xp.log(noise))), (1, 1))
            written += ids.tolist()
    return [i for (i,) in written]


def main():
    parser = argparse.ArgumentParser(description="An LSTM that writes.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--quick", action="store_true", help="a smaller network")
    options = parser.parse_args()
    width, steps = (96, 200) if options.quick else (256, 600)

    text, characters = read_text()
    number = {c: i for i, c in enumerate(characters)}
    ids = xp.asarray([number[c] for c in text], device=options.device)
    kept = len(text) // 20  # not shown while it learns
    seen, unseen = streams(ids[:-kept], 32), streams(ids[-kept:], 32)
    print(f"{len(text):,} characters, {len(characters)} different ones")

    rng = Generator(0)
    model = Reader(len(characters), width, rng).to(options.device)
    print(f"{model.num_parameters():,} parameters\n")
    opt = optim.Adam(model.parameters(), lr=4e-3)
    schedule = optim.PolynomialLR(opt, total_iters=steps + 1)  # a line down to 0
    begin, state = time.perf_counter(), None
    for step in range(steps + 1):
        if step % (steps // 4) == 0:
            loss, spent = surprise(model, unseen), time.perf_counter() - begin
            print(f"update {step:4d}: {loss:.3f} nats on unseen text ({spent:.0f} s)")
        state = learn(model, opt, *piece(seen, step), state)
        schedule.step()

    start = xp.asarray([[number[c]] for c in "The "], device=options.device)
    written = write(model, start, 150 if options.quick else 400, rng)
    print("\n" + "".join(characters[i] for i in written))


if __name__ == "__main__":
    main()
