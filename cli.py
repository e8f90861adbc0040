"""The command `tts-trm`: one name for all jobs, each the code of the script of that job.

    tts-trm speak "Hello, world."
    tts-trm voices
    tts-trm train --data-dir my_recordings

`tts-trm JOB --help` shows the options of a job.
"""

import importlib
import sys

if not __package__:
    from scripts import _clone  # noqa: F401

# What each job does, and the module whose `main` does it.
JOBS = {
    "speak": ("speaks a text into an audio file", "scripts.synthesize"),
    "voices": ("lists the speakers of a voice", "scripts.list_voices"),
    "train": ("trains a voice on recordings", "run_training"),
    "check-data": ("finds faults in recordings before you train on them", "scripts.check_dataset"),
    "denoise": ("copies recordings without their steady noise", "scripts.denoise_dataset"),
    "tokenize": ("turns recordings into codes", "scripts.tokenize_dataset"),
    "evaluate": ("measures a voice on sentences it has never seen", "scripts.evaluate_voice"),
    "export-onnx": ("writes a voice that runs without torch", "scripts.export_onnx"),
    "push": ("uploads a voice to the Hub", "scripts.push_to_hub"),
    "serve": ("serves a web page and an OpenAI-compatible endpoint", "app"),
    "demo": ("speaks three sentences", "scripts.demo"),
}


def usage() -> str:
    width = max(map(len, JOBS))
    jobs = [f"  {name:<{width}}  {help_text}" for name, (help_text, _) in JOBS.items()]
    return "\n".join(
        ["usage: tts-trm JOB [options]", "", "jobs:", *jobs, "", "tts-trm JOB --help shows the options of a job."]
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs a job and returns its exit code; 2 for a job that does not exist."""
    job, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if job in ("-h", "--help"):
        print(usage())
        return 0
    if job == "--version":
        from tts_trm import __version__

        print(f"tts-trm {__version__}")
        return 0
    if job not in JOBS:
        print(f"{usage()}\n\nerror: unknown command {job!r}", file=sys.stderr)
        return 2
    # The parser of the job names itself after the program.
    sys.argv[0] = f"tts-trm {job}"
    return importlib.import_module(f"tts_trm.{JOBS[job][1]}").main(rest)


if __name__ == "__main__":
    sys.exit(main())
