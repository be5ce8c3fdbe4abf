"""``lipkit generate``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lipkit.cli.options import LimitOption, QuietOption, read_limits


def generate(
    identity: Annotated[Path, typer.Option(help="A picture or a video of a face.")],
    audio: Annotated[Path, typer.Option(help="Speech: any sound or video file.")],
    out: Annotated[Path, typer.Option(help="The video to write: .mp4, .mov, .mkv, .webm or .gif.")],
    weights: Annotated[
        Path | None,
        typer.Option(
            help="A weights file, the folder of a run, or the name of shipped weights.",
            show_default="plus_crowd",
        ),
    ] = None,
    paste_back: Annotated[
        bool, typer.Option("--paste-back", help="Put the lips into the picture or video.")
    ] = False,
    lips_only: Annotated[
        bool, typer.Option("--lips-only", help="The picture shows lips alone.")
    ] = False,
    allow_silence: Annotated[
        bool, typer.Option("--allow-silence", help="Accept sound in which nothing can be heard.")
    ] = False,
    largest_side: Annotated[
        int | None,
        typer.Option(help="Pixels to which a larger picture is shrunk.", show_default="4096"),
    ] = None,
    still_detail: Annotated[
        bool,
        typer.Option("--still-detail", help="Give drawn lips the picture's detail where shut."),
    ] = False,
    articulation: Annotated[
        float,
        typer.Option(help="How far the lips go, 0.25 to 2; 1 is as learnt (weights like plus)."),
    ] = 1.0,
    audio_track: Annotated[
        int | None,
        typer.Option(
            min=1, help="Which audio track is the speech.", show_default="the first heard"
        ),
    ] = None,
    gain: Annotated[
        float, typer.Option(min=-60, max=90, help="dB by which the speech is made louder.")
    ] = 0.0,
    landmark_model: Annotated[
        Path | None, typer.Option(help="dlib's 68-point model, if it is not found.")
    ] = None,
    limit: LimitOption = None,
    no_synthetic_note: Annotated[
        bool,
        typer.Option(
            "--no-synthetic-note", help="Do not say in the metadata that the video is synthetic."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was made as one JSON object.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Make a face say a speech.

    One picture and one recording give a video with sound. With --paste-back, the face in a
    video says the recording; a video that is too short is played back and forth.

    Use it only on faces whose owners consent, and say that the video is synthetic.

    Example: lipkit generate --identity face.jpg --audio talk.wav --out talk.mp4 --paste-back
    """
    from lipkit.config import FPS
    from lipkit.generation import generate as generate_video

    result = generate_video(
        identity,
        audio,
        out,
        weights=weights,
        paste_back=paste_back,
        lips_only=lips_only,
        allow_silence=allow_silence,
        largest_side=largest_side,
        still_detail=still_detail,
        articulation=articulation,
        landmark_model=landmark_model,
        audio_track=audio_track,
        gain=gain,
        limits=read_limits(limit),
        synthetic_note=not no_synthetic_note,
        progress=not quiet,
    )
    if as_json:
        print(json.dumps(result.as_record()))
        return
    for note in result.notes:
        print(note)
    seconds = result.frames / FPS
    rate = result.realtime * FPS
    print(
        f"{result.path}: {seconds:.1f} s of video, made at {result.realtime:.1f} x real time "
        f"({rate:.0f} frames/s)"
    )
