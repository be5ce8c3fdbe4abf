"""Every reader of files and words, each with something whole that it reads."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from fuzz.breaking import broken_bytes, broken_header, broken_text, broken_zip
from lipkit.errors import LipkitError


class Reader(NamedTuple):
    """Something whole, how it is broken, and who reads it."""

    whole: Callable[[Path], Path]
    """Makes what is read in an empty folder; the file in it that is broken."""
    read: Callable[[Path], Any]
    """Reads that file, and all that belongs to it."""
    broken: Callable[[bytes, np.random.Generator], bytes] = broken_bytes


READERS: dict[str, Reader] = {}


def reads(name: str, whole: Callable[[Path], Path], broken=broken_bytes) -> Callable:
    """Enter a function among the readers."""

    def enter(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
        READERS[name] = Reader(whole, read, broken)
        return read

    return enter


def _file(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# Video, sound, pictures


def _recording(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from fuzz.recordings import whole

        return _file(folder, name, whole(folder, name))

    return make


def _each_way(path: Path) -> None:
    """By every function of ``lipkit.media``; a refusal by one must not spare the others."""
    from lipkit.media import (
        is_picture,
        iter_audio,
        iter_video,
        listen,
        probe,
        read_audio,
        read_clip,
        read_picture,
    )
    from lipkit.media.limits import Limits

    few = Limits(seconds=60, gigabytes=0.2, pixels=2**22)
    all_ways(
        lambda: probe(path, limits=few),
        lambda: listen(path, limits=few),
        lambda: read_clip(path, limits=few),
        lambda: read_clip(path, keep_damaged=True, limits=few),
        lambda: read_audio(path, limits=few),
        lambda: [None for _ in iter_video(path, limits=few)],
        lambda: [None for _ in iter_audio(path, limits=few)],
        lambda: is_picture(path),
        lambda: read_picture(path, few),
    )


def all_ways(*ways: Callable[[], Any]) -> None:
    """Call them all; a refusal by one spares no other, and all together are one."""
    refusals = []
    for read in ways:
        try:
            read()
        except LipkitError as error:
            if "\n" in str(error):
                raise
            refusals.append(error)
    if len(refusals) == len(ways):
        raise refusals[0]


def _picture(path: Path) -> None:
    from lipkit.media import is_picture, read_picture
    from lipkit.media.limits import Limits

    is_picture(path)
    read_picture(path, Limits(pixels=2**22))


for _name in (
    *("a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi", "a.mpg", "a.ts", "a.gif"),
    *("a.wav", "a.mp3", "a.m4a", "a.flac", "a.ogg"),
):
    READERS[_name] = Reader(_recording(_name), _each_way)


def _still(kind: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import pillow_heif

        pillow_heif.register_heif_opener()
        colours = np.linspace(0, 255, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
        path = folder / f"a.{kind}"
        Image.fromarray(colours).save(path)
        return path

    return make


for _kind in ("png", "jpg", "webp", "tiff", "gif", "bmp", "heic", "avif"):
    READERS[f"still.{_kind}"] = Reader(_still(_kind), _picture)


# Prepared sets


def _set(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from prepared_sets import write_set

        return write_set(folder / "set", [20, 24]) / name

    return make


def _windows(path: Path) -> None:
    from lipkit.data.prepared import PreparedSet
    from lipkit.data.windows import Windows

    folder = next(parent for parent in path.parents if parent.name == "set")
    prepared = PreparedSet.open(folder)
    windows = Windows(prepared, None)
    windows.batch(range(len(windows)))


_CLIP = "clips/s1/c000.safetensors"
READERS["prepare.json"] = Reader(_set("prepare.json"), _windows, broken_text)
READERS["manifest.csv"] = Reader(_set("manifest.csv"), _windows, broken_text)
READERS["clip.safetensors"] = Reader(_set(_CLIP), _windows, broken_header)


# Weights and runs


def _weights(folder: Path) -> Path:
    import torch

    from lipkit.models.catalogue import build_generator
    from lipkit.models.generator import GeneratorConfig
    from lipkit.presets import Preset
    from lipkit.weights import Card, save_weights

    small = GeneratorConfig(width=1 / 32, residual_blocks=1)
    torch.manual_seed(0)
    card = Card(
        preset=Preset(name="mine", generator=small),
        statistics={"logmel_mean": -40.0, "logmel_std": 20.0},
        corpus="grid",
        split="train",
        clips=3,
        step=7,
        date="2024-05-01",
        metrics={"val_l1": 0.05},
        quiet=[-60.0] * 128,
    )
    save_weights(folder / "w.safetensors", build_generator(small).eval(), card)
    return folder / "w.safetensors"


@reads("weights.safetensors", _weights, broken_header)
def _load_weights(path: Path) -> None:
    import torch

    from lipkit.weights import load_weights

    generator, _ = load_weights(path)
    with torch.inference_mode():
        drawn = generator(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 16, 128))
    assert drawn.isfinite().all(), "a picture that is not finite"


def _sync_weights(folder: Path) -> Path:
    from lipkit.metrics.sync.weights import SHIPPED

    return _file(folder, "sync.safetensors", SHIPPED.read_bytes())


@reads("sync.safetensors", _sync_weights, broken_header)
def _load_sync(path: Path) -> None:
    from lipkit.metrics.sync.weights import load_sync

    assert all(t.isfinite().all() for t in load_sync(path).state_dict().values())


def _checkpoint(folder: Path) -> Path:
    import torch

    from lipkit.training.run_folder import save_checkpoint

    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.randn(5, 3)).sum().backward()
    optimiser.step()
    state = {"preset": {"name": "mine"}, "phase": "train", "step": 3, "seconds": 1.5}
    state["networks"] = {"generator": network.state_dict()}
    state["optimisers"] = {"generator": optimiser.state_dict()}
    save_checkpoint(folder / "checkpoint.pt", state)
    return folder / "checkpoint.pt"


@reads("checkpoint.pt", _checkpoint, broken_zip)
def _load_checkpoint(path: Path) -> None:
    from lipkit.training.run_folder import load_checkpoint, refuse_another_run

    state = load_checkpoint(path)
    refuse_another_run(state, {"preset": {"name": "mine"}}, path)


@reads(
    "log.jsonl",
    lambda folder: _file(
        folder,
        "log.jsonl",
        "".join(json.dumps({"step": i, "loss": 1 / i}) + "\n" for i in range(1, 6)),
    ),
    broken_text,
)
def _log(path: Path) -> None:
    from lipkit.training.run_folder import read_log

    read_log(path.parent)


# Stages, results, records


def _stages(folder: Path) -> Path:
    from lipkit.jobs.stages import STATE

    _run_stages(folder / "out")
    return folder / "out" / STATE


def _run_stages(out: Path) -> None:
    from lipkit.jobs.stages import Stage, run_stages

    def make(name: str) -> Callable[[], dict]:
        def run() -> dict:
            (out / name).mkdir(parents=True, exist_ok=True)
            (out / name / "x").write_text("x")
            return {"name": name}

        return run

    run_stages(
        out,
        [
            Stage("a", "first", ("a",), make("a"), inputs=("1",)),
            Stage("b", "second", ("b",), make("b"), needs=("a",)),
        ],
    )


@reads("stages.json", _stages, broken_text)
def _read_stages(path: Path) -> None:
    victim = path.parents[1] / "victim"
    victim.mkdir(exist_ok=True)
    (victim / "thesis").write_text("years")
    with suppress(LipkitError):
        _run_stages(path.parent)
    assert (victim / "thesis").is_file(), "a file outside of the folder was deleted"
    _run_stages(path.parent)


def _results(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from stored_results import write_folder

        write_folder(folder / "results")
        return folder / "results" / name

    return make


def _read_results(path: Path) -> None:
    from lipkit.experiments.stored import read_results

    read_results("ablation", path.parent)


for _name in ("results.csv", "results.json", "claims.json", "curves.csv"):
    READERS[_name] = Reader(_results(_name), _read_results, broken_text)


def _mixed(folder: Path) -> Path:
    from mixed_results import write_results

    return write_results(folder / "results.csv")


@reads("mixes.csv", _mixed, broken_text)
def _mixes(path: Path) -> None:
    from lipkit.widgets.mixes import read_mixes

    read_mixes(path)


def _run_record(folder: Path) -> Path:
    from lipkit.experiments.records import RECORD

    record = {"cell": "a", "seed": 0, "settings": {}, "status": "whole", "seconds": 3.0}
    return _file(folder, RECORD, json.dumps(record))


@reads("record.json", _run_record, broken_text)
def _record(path: Path) -> None:
    from lipkit.experiments.records import read_record

    read_record(path.parent)


# What comes from elsewhere


def _zip(folder: Path) -> Path:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "ab":
            archive.writestr(f"s1/{name}.mpg", name.encode() * 500)
    return _file(folder, "a.zip", made.getvalue())


@reads("a.zip", _zip)
def _unzip(path: Path) -> None:
    from lipkit.corpora.fetch.archives import unzip

    unzip(path, path.parent / "out", progress=False)


def _tar(mode: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode=mode) as archive:
            for name in "ab":
                info = tarfile.TarInfo(f"s1/{name}.mpg")
                info.size = 500
                archive.addfile(info, io.BytesIO(name.encode() * 500))
        return _file(folder, "a.tar", made.getvalue())

    return make


def _untar(path: Path) -> None:
    from lipkit.corpora.fetch.archives import untar

    untar([path], path.parent / "out", progress=False)


READERS["a.tar"] = Reader(_tar("w"), _untar)
READERS["a.tar.gz"] = Reader(_tar("w:gz"), _untar)

_ALIGNMENT = "0 23750 sil\n23750 29500 bin\n29500 34000 blue\n34000 36000 at\n36000 40000 f\n"


@reads("a.align", lambda folder: _file(folder, "bbaf2n.align", _ALIGNMENT), broken_text)
def _alignment(path: Path) -> None:
    from lipkit.corpora.alignments import read_alignment

    read_alignment(path)


_METADATA = "Text:  ABOUT\nDuration: 0.45 seconds\nConf: 5\n"


def _lrw(folder: Path) -> Path:
    for split in ("train", "val", "test"):
        _file(folder, f"lrw/ABOUT/{split}/ABOUT_00001.mp4", b"")
    return _file(folder, "lrw/ABOUT/train/ABOUT_00001.txt", _METADATA)


@reads("lrw.txt", _lrw, broken_text)
def _read_lrw(path: Path) -> None:
    from lipkit.corpora.lrw import CORPUS

    list(CORPUS.read(path.parents[2]))


_INDEX = "file\tspeaker\tsex\twords\na.wav\ts1\tf\tbin blue\nb.wav\ts2\tm\t\n"


def _recordings(folder: Path) -> Path:
    for name in "ab":
        _file(folder, f"{name}.wav", b"RIFF")
    return _file(folder, "index.tsv", _INDEX)


@reads("index.tsv", _recordings, broken_text)
def _read_recordings(path: Path) -> None:
    from lipkit.talker.recordings import find_recordings

    find_recordings(path.parent)


def _notebook(folder: Path) -> Path:
    from nbformat import v4, writes

    parameters = v4.new_code_cell("seed: int = 0  # the seed", metadata={"tags": ["parameters"]})
    display = v4.new_output(
        "display_data", data={"application/vnd.lipkit.record+json": [["lmd", 1.5]]}
    )
    shown = v4.new_code_cell("record(lmd=1.5)", outputs=[display])
    return _file(folder, "a.ipynb", writes(v4.new_notebook(cells=[parameters, shown])))


@reads("a.ipynb", _notebook, broken_text)
def _read_notebook(path: Path) -> None:
    from lipkit.course.notebooks import problems, read_parameters
    from lipkit.course.records import read_records

    all_ways(lambda: read_parameters(path), lambda: read_records(path), lambda: problems(path))


# Words of a command line

_WORDS = (
    *("train.batch_size=8", "loss.pix.weight=0.5", "generator.width=0.25", "data.window=16"),
    *("generator.architecture=warp", "prepare.crop=stable", "train.minutes=3", "flow.steps=7"),
)


@reads("settings.txt", lambda folder: _file(folder, "settings.txt", "\n".join(_WORDS)), broken_text)
def _settings(path: Path) -> None:
    from lipkit.cli.options import assignments
    from lipkit.presets import preset
    from lipkit.presets.fit import require_fit
    from lipkit.settings import to_dict

    def take(line: str) -> None:
        config = preset("tiny", assignments([line], "--set"))
        json.dumps(to_dict(config), allow_nan=False)
        require_fit(config)

    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    all_ways(*[lambda line=line: take(line) for line in lines])


@reads("checksum.txt", lambda folder: _file(folder, "c.txt", "md5:" + "0" * 32), broken_text)
def _checksum(path: Path) -> None:
    from lipkit.corpora.fetch.checksums import parse_checksum

    parse_checksum(path.read_bytes().decode("utf-8", "replace"))
