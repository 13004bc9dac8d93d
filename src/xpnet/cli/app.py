"""The commands and their options, and one sentence for everything that goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from .._version import __version__
from ..backend.device import devices as find_devices
from ..errors import DeviceError, XpnetError
from .lab import lab
from .learn import learn
from .options import choices, train_options
from .report import Report, TrainingError

__all__ = ["run"]

_INTERRUPTED = 130  # 128 and the number of the signal, as shells say it


def run(argv: Sequence[str] | None) -> int:
    """Run one command; return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        code = top.main(words, prog_name="xpnet", standalone_mode=False)
    except click.ClickException as error:
        return _fail(_usage(error), 2)
    except XpnetError as error:
        return _fail(error, 1 if isinstance(error, TrainingError) else 2)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted; nothing was saved.", _INTERRUPTED)
    except MemoryError:
        return _fail("there is not enough memory for a network of this size.", 2)
    except OSError as error:
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}.", 1)
    return int(code or 0)


def _fail(problem: Any, code: int) -> int:
    """Say in one line what is wrong."""
    print(f"xpnet: {' '.join(str(problem).split())}", file=sys.stderr)
    return code


def _usage(error: click.ClickException) -> str:
    """Return what is wrong with the command line, and what would be right."""
    text = error.format_message()
    if "No such command" in text:
        return f"{text.rstrip('.')}: use one of {', '.join(sorted(top.commands))}."
    return text if text.endswith((".", "?", ")")) else f"{text}."


@click.group(invoke_without_command=True)
@click.version_option(
    __version__, message="xpnet %(version)s", help="Print the version."
)
@click.pass_context
def top(context: click.Context) -> None:
    """Train networks with xpnet, on the CPU or a GPU."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@top.command()
def devices() -> None:
    """List the devices that work here, and say why CUDA does not if it does not."""
    print(find_devices())


_TRAIN = f"""Train a network on a data set of scikit-learn, and save its weights.

DATASET is one of {choices("dataset")}. An option that is not given has a value that
suits the data set and the optimizer.
"""


@top.command(help=_TRAIN)
@click.argument("dataset", required=False)
@click.option(
    "--device",
    metavar="NAME",
    default="auto",
    envvar="XPNET_DEVICE",
    help="cpu, cuda, cuda:1 or auto.",
)
@click.option(
    "--epochs", metavar="N", help="How often to go through the training data."
)
@click.option("--batch-size", metavar="N", help="Examples in one training step.")
@click.option("--lr", metavar="RATE", help="The learning rate, greater than 0.")
@click.option(
    "--hidden", metavar="SIZES", help="Hidden layers, such as 128,64; 0 for none."
)
@click.option(
    "--optimizer",
    metavar="NAME",
    default="adam",
    help=f"One of {choices('optimizer')}.",
)
@click.option(
    "--seed",
    metavar="N",
    default="0",
    help="Decides the first weights and the shuffling.",
)
@click.option(
    "--out",
    metavar="FILE",
    help="Where to save the weights; by default DATASET.safetensors.",
)
@click.pass_context
def train(context: click.Context, /, dataset: str | None, **options: Any) -> None:
    """Train a network on a data set that scikit-learn brings, and save its weights."""
    from .train import train as run_training

    try:
        run_training(train_options(dataset, **options), Report.on_terminal())
    except KeyboardInterrupt:  # click would print an empty line
        raise click.Abort from None
    except DeviceError as error:
        source = context.get_parameter_source("device")
        if source is click.core.ParameterSource.ENVIRONMENT:
            named = options["device"]
            raise DeviceError(
                f"the environment variable XPNET_DEVICE is {named!r}: {error}"
            ) from None
        raise


top.add_command(lab)
top.add_command(learn)
