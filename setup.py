"""Packs the checkout as `tts_trm`: its root is the package, so that the same files serve pip, a clone and the Hub."""

import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "__init__.py").read_text(encoding="utf-8"))[1]

# The modules of the root. A script that happens to lie there as well does not end up in a wheel.
MODULES = {"__init__", "__main__", "app", "cli", "commands", "files", "plots", "run_training"}
ROOMS = "audio data evaluation publishing scripts serving speaking training".split()
EVALUATION = [
    "jinja2>=3.1",
    "jiwer>=4.0",
    "pocketsphinx>=5.0",
    # This is pyworld with wheels.
    "pyworld-prebuilt>=0.3.6",
]
EARS = ["faster-whisper>=1.1", "resemblyzer>=0.1.4", "setuptools<81", "speechmos>=0.0.1.1", "whisper-normalizer>=0.1"]
CODEC = ["scikit-learn>=1.6"]
DENOISE = ["noisereduce>=3.0"]
PICTURES = ["matplotlib>=3.9"]
TEXT = ["emoji>=2.14", "num2words>=0.5.14", "py3langid>=0.4"]
TRACKERS = ["tensorboard>=2.18", "wandb>=0.22"]
APP = ["fastapi>=0.115", "gradio>=6.0", "uvicorn>=0.30", *PICTURES]
ONNX = ["onnx>=1.17", "onnxruntime>=1.20", "onnxscript>=0.5"]
DOCUMENTATION = ["ipykernel>=6.29", "mkdocs-material>=9.5", "nbclient>=0.10", *PICTURES]
TOOLS = [
    "hypothesis>=6.100",
    "markdown-it-py>=3.0",
    "mypy>=1.18",
    "openai>=2.0",
    "parameterized>=0.9",
    "playwright>=1.50",
    "pytest>=8.0",
    "pytest-xdist>=3.6",
    "ruff>=0.9",
    "setuptools>=77",
]


class BuildPackage(build_py):
    """Packs of the root what belongs to the package."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        found = super().find_package_modules(package, package_dir)
        return [
            module
            for module in found
            if package != "tts_trm" or module[1] in MODULES or re.fullmatch(r"\w+_tts_trm(_\w+)?", module[1])
        ]


setup(
    cmdclass={"build_py": BuildPackage},
    entry_points={"console_scripts": ["tts-trm = tts_trm.cli:main"]},
    name="tts-trm",
    # Pip's build calls itself otherwise, and this file would be packed as a module.
    script_name="setup.py",
    version=VERSION,
    description="Text to speech by a tiny recursive model that refines all codebooks of an utterance at once",
    license="Apache-2.0",
    # As transformers 5.23 does.
    python_requires=">=3.11",
    # one line for every sub-package: find_packages() finds none where the package's folder is the root itself
    packages=["tts_trm", *(f"tts_trm.{room}" for room in ROOMS)],
    package_dir={"tts_trm": "."},
    package_data={
        # The bundled voice.
        "tts_trm": ["pretrained/*/*", "pretrained/*/codec/*"],
        "tts_trm.evaluation": ["*.html"],
        "tts_trm.serving": ["page.js", "page.css"],
    },
    install_requires=[
        "accelerate>=1.10",
        "datasets>=4.0",
        "evaluate>=0.4.6",
        "huggingface-hub>=1.31",
        "numpy>=2.0",
        "PyYAML>=6.0",
        "safetensors>=0.8",
        "soundfile>=0.13",
        "soxr>=0.5",
        "torch>=2.8",
        "transformers>=5.23,<6",
    ],
    extras_require={
        "eval": EVALUATION,
        "ears": EARS,
        "codec": CODEC,
        "denoise": DENOISE,
        "pictures": PICTURES,
        "text": TEXT,
        "tracking": [*TRACKERS, "trackio>=0.30"],
        "app": APP,
        "onnx": ONNX,
        "docs": DOCUMENTATION,
        "test": EVALUATION + CODEC + DENOISE + PICTURES + TEXT + TRACKERS + APP + ONNX + DOCUMENTATION + TOOLS,
    },
)
