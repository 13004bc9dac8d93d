"""The commands and their options, and one sentence for everything that goes wrong."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from .._version import __version__
from ..backend.device import devices as find_devices
from ..errors import XpnetError
from .options import choices, train_options
from .report import Report, TrainingError

__all__ = ["run"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_INTERRUPTED = 130  # 128 and the number of the signal, as shells say it


def run(argv: Sequence[str] | None) -> int:
    """Run one command; return the exit code."""
    # typer has had click's exceptions in two places; its own name leads to either
    click: Any = importlib.import_module(typer.BadParameter.__module__)
    words = sys.argv[1:] if argv is None else list(argv)
    command = typer.main.get_command(app)
    try:
        code = command.main(words, prog_name="xpnet", standalone_mode=False)
    except click.ClickException as error:
        return _fail(_usage(error), 2)
    except XpnetError as error:
        return _fail(error, 1 if isinstance(error, TrainingError) else 2)
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except MemoryError:
        return _fail("there is not enough memory for a network of this size.", 2)
    except OSError as error:
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}.", 1)
    if code == _INTERRUPTED:  # typer swallows Ctrl-C and returns its code
        return _fail("interrupted; nothing was saved.", _INTERRUPTED)
    return int(code or 0)


def _fail(problem: Any, code: int) -> int:
    """Say in one line what is wrong."""
    print(f"xpnet: {' '.join(str(problem).split())}", file=sys.stderr)
    return code


def _usage(error: Any) -> str:
    """Return what is wrong with the command line, and what would be right."""
    text: str = error.format_message()
    if "No such command" in text:
        return f"{text.rstrip('.')}: use one of train, devices."
    return text if text.endswith((".", "?", ")")) else f"{text}."


def _version(asked: bool) -> None:
    if asked:
        print(f"xpnet {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Train networks with xpnet, on the CPU or a GPU."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def devices() -> None:
    """List the devices that work here, and say why CUDA does not if it does not."""
    print(find_devices())


@app.command()
def train(
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help=f"One of {choices('dataset')}."),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME", envvar="XPNET_DEVICE", help="cpu, cuda, cuda:1 or auto."
        ),
    ] = "auto",
    epochs: Annotated[
        str | None,
        typer.Option(metavar="N", help="How often to go through the training data."),
    ] = None,
    batch_size: Annotated[
        str | None, typer.Option(metavar="N", help="Examples in one training step.")
    ] = None,
    lr: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="The learning rate, greater than 0."),
    ] = None,
    hidden: Annotated[
        str | None,
        typer.Option(
            metavar="SIZES", help="Hidden layers, such as 128,64; 0 for none."
        ),
    ] = None,
    optimizer: Annotated[
        str, typer.Option(metavar="NAME", help=f"One of {choices('optimizer')}.")
    ] = "adam",
    seed: Annotated[
        str,
        typer.Option(metavar="N", help="Decides the first weights and the shuffling."),
    ] = "0",
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Where to save the weights; by default DATASET.safetensors.",
        ),
    ] = None,
) -> None:
    """Train a network on a data set that scikit-learn brings, and save its weights.

    An option that is not given has a value that suits the data set and the optimizer.
    """
    from .train import train as run_training

    options = train_options(
        dataset,
        device=device,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        hidden=hidden,
        optimizer=optimizer,
        seed=seed,
        out=out,
    )
    run_training(options, Report.on_terminal())
