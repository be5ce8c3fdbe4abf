"""``lipkit train``."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from lipkit.cli.options import PresetOption, QuietOption, SetOption, assignments, join_options
from lipkit.files import owning


def _show_losses(show: bool) -> None:
    if show:
        from lipkit.losses import loss_table

        print(loss_table(), end="")
        raise typer.Exit


def _show_networks(show: bool) -> None:
    if show:
        from lipkit.models.catalogue import network_table

        print(network_table(), end="")
        raise typer.Exit


def _show_presets(show: bool) -> None:
    if show:
        from lipkit.presets.compared import preset_table

        print(preset_table(), end="")
        raise typer.Exit


def train(
    prepared: Annotated[Path, typer.Argument(help="A prepared set.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    preset: PresetOption = "paper",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    minutes: Annotated[float | None, typer.Option(min=0, help="Wall-clock budget.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    train_split: Annotated[
        str | None, typer.Option(help="Split to train on.", show_default="train")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="auto, float32 or bf16.", show_default="auto: bf16 on CUDA"),
    ] = None,
    settings: SetOption = None,
    losses: Annotated[
        bool,
        typer.Option(
            "--losses", callback=_show_losses, is_eager=True, help="Show all losses and exit."
        ),
    ] = False,
    networks: Annotated[
        bool,
        typer.Option(
            "--networks",
            callback=_show_networks,
            is_eager=True,
            help="Show all generators and exit.",
        ),
    ] = False,
    presets: Annotated[
        bool,
        typer.Option(
            "--presets",
            callback=_show_presets,
            is_eager=True,
            help="Show paper, mended and released side by side and exit.",
        ),
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Train a generator.

    Writes settings, losses, sample strips, checkpoints and the final weights to --out.

    On several GPUs: torchrun --nproc-per-node 4 -m lipkit train ...; train.batch_size is then
    divided among them, and the result is that of a single GPU.

    Example: lipkit train data/prepared --preset tiny --out runs/first --minutes 3
    """
    values: dict[str, Any] = assignments(settings, "--set")
    options = {"train.minutes": minutes, "train.steps": steps, "train.train_split": train_split}
    options["train.precision"] = precision
    values = join_options(values, options)
    # Imported here, so that --help needs no torch, and a misspelt setting no trainer.
    from lipkit.presets import preset as find_preset
    from lipkit.presets.fit import require_training

    require_training(values)
    config = find_preset(preset, values)

    from lipkit.training import train as train_generator
    from lipkit.training.run_folder import CHECKPOINT_NAME

    if resume and not (out / CHECKPOINT_NAME).exists() and os.environ.get("RANK", "0") == "0":
        print(f"{out}: holds no checkpoint to resume; a new run begins there", flush=True)

    first = os.environ.get("RANK", "0") == "0"
    with owning(out) if first else nullcontext():
        result = train_generator(prepared, config, out, resume=resume, progress=not quiet)
    if not first:
        return  # of several processes, only the first reports
    print(f"{result.weights}: {result.step} steps, {result.windows_per_second:.1f} windows/s")
    if "val_lmd" in result.metrics:
        ours, frozen = result.metrics["val_lmd"], result.metrics["val_lmd_frozen"]
        print(f"validation: LMD {ours:.2f} px; frozen points {frozen:.2f} px")
    elif result.metrics:
        ours, frozen = result.metrics["val_l1"], result.metrics["val_l1_frozen"]
        print(f"validation: mean absolute error {ours:.4f} in [-1, 1]; frozen lips {frozen:.4f}")
