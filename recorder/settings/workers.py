"""Settings of the workers."""

from __future__ import annotations

from pydantic import SecretStr

from recorder.settings.fields import PathOrUrl, Section, Words, setting

__all__ = ["IngestSettings", "RenderSettings", "WorkerSettings"]


class IngestSettings(Section):
    """The workers that select and write episodes and sweep Redis."""

    tick_secs: float = setting(
        1.0,
        "How often workers look for finished episodes. This is the longest delay of a decision; an end after a pause"
        " is seen at once.",
        unit="seconds",
        gt=0,
        le=60,
    )
    batch_episodes: int = setting(
        2000,
        "Finished episodes decided in one transaction. More is faster, and holds the write lock longer.",
        unit="episodes",
        ge=1,
    )
    write_batch_episodes: int = setting(
        512, "Kept episodes written by one task. It limits the work that a killed task repeats.", unit="episodes", ge=1
    )
    lease_secs: float = setting(
        60.0,
        "How long one worker alone may write an episode; then another may try. Keep it longer than the slowest "
        "write of a batch.",
        unit="seconds",
        gt=0,
    )
    max_attempts: int = setting(
        3,
        "Failed writes after which an episode is parked with its error.",
        unit="attempts",
        ge=1,
    )
    abandoned_after_secs: float = setting(
        30.0,
        "Time without a new heartbeat of a trainer after which its open episodes are salvaged. Keep it longer "
        "than any pause of a healthy trainer's heartbeat. Below three times `ingest.sweep_secs` it takes longer "
        "than this.",
        unit="seconds",
        gt=0,
    )
    sweep_secs: float = setting(
        10.0,
        "How often workers look for unwritten, undropped and abandoned episodes.",
        unit="seconds",
        gt=0,
    )
    compact_below_steps: int = setting(
        64,
        "An episode whose chunks hold fewer steps than this on average is encoded again into full chunks, because"
        " a slow trainer sends many small ones. 0 turns this off.",
        unit="steps",
        ge=0,
        le=256,
    )
    pack_below_bytes: int = setting(
        4096,
        "Episodes smaller than this are packed into one file if 16 or more are written together, because each file"
        " takes at least a block of the disk. 0 turns this off.",
        unit="bytes",
        ge=0,
        le=65536,
    )
    concurrency: int = setting(2, "Processes of one ingest worker.", unit="processes", ge=1)


class RenderSettings(Section):
    """The workers that make videos."""

    concurrency: int = setting(
        1, "Processes of one render worker; the encoder uses several cores by itself.", unit="processes", ge=1
    )
    videos_dir: PathOrUrl | None = setting(
        None,
        "Where workers put videos: a path or an fsspec URL that all of them and the replay server can reach. Left"
        " out, `videos` in `recordings_dir`.",
        min_length=1,
    )
    encoder_threads: int = setting(
        0,
        "Encoder threads of one process. 0 uses all cores; 1 is best with as many processes as cores.",
        unit="threads",
        ge=0,
    )
    max_pixels: int = setting(
        200_000_000_000,
        "Most pixels of a requested video: width x height x frames. The default is about 53 minutes of 1920x1080 "
        "at 30 frames a second, which takes one core about an hour and a half.",
        unit="pixels",
        ge=1_000_000,
    )
    lease_secs: float = setting(
        180.0,
        "How long a silent worker keeps a part of a video; then another may try. While frames come, the worker "
        "keeps it.",
        unit="seconds",
        gt=0,
    )
    sounds_dir: str | None = setting(
        None,
        "Folder of WAV files on the worker that replace sounds of the effects; docs/video.md has their names. All"
        " render workers need the same ones.",
        min_length=1,
    )
    voice_model: str | None = setting(
        None,
        "Voice of piper on the worker, an `.onnx` file with its `.onnx.json` beside it. Left out, the voice of the"
        " extra `voice`.",
        min_length=1,
    )
    environments: Words = setting(
        "",
        "Modules that register environments, imported by a render worker that draws recorded states (`source: states`)."
        " Gymnasium's environments need none.",
    )
    llm_url: str | None = setting(
        None,
        "OpenAI-compatible API whose language model writes narrations, such as `http://localhost:8080/v1`. Left out,"
        " a grammar writes them.",
        min_length=1,
    )
    llm_model: str | None = setting(None, "Name of the model at `llm_url`.", min_length=1)
    llm_key: SecretStr | None = setting(None, "Key for `llm_url`, sent as a bearer token.", secret=True, min_length=1)
    llm_secs: float = setting(
        20.0,
        "Longest time that all requests of one video wait for `llm_url`. Then the grammar writes the other sentences.",
        unit="seconds",
        gt=0,
        le=60,
    )


class WorkerSettings(Section):
    """All workers, for any queues."""

    pulse_file: str | None = setting(
        None,
        "File that a worker updates while it is alive, for `hamlet-recorder probe`. Use a different file for each"
        " worker of a machine. Left out, none is written.",
        min_length=1,
    )
