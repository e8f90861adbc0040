"""Makes transformers' own common tests importable as `transformers_tests`, from its source distribution in `build/`.

The distribution holds the common test files but not the folders beside them. What these lack is written here, as
little as lets them be imported: exporting and generation have testers of their own, which do not apply to us.
"""

import shutil
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent.parent / "build"
PACKAGE = "transformers_tests"
MISSING = {
    "fetch_hub_objects_for_ci.py": "def url_to_local_path(url):\n    return url\n",
    f"{PACKAGE}/__init__.py": "",
    f"{PACKAGE}/exporters/test_export.py": "class ExportTesterMixin:\n    pass\n",
    f"{PACKAGE}/generation/test_utils.py": "class GenerationTesterMixin:\n    pass\n",
    f"{PACKAGE}/utils/test_configuration_utils.py": (
        'config_common_kwargs = {"return_dict": False, "output_hidden_states": True, "output_attentions": True, '
        '"dtype": "float16", "chunk_size_feed_forward": 5, "is_encoder_decoder": True, "architectures": ["Some"], '
        '"id2label": {0: "label"}, "label2id": {"label": "0"}, "problem_type": "regression"}\n'
    ),
}


def unpack() -> None:
    """Unpacks the tests of the installed version, unless that is done."""
    archive = BUILD / f"transformers-{version('transformers')}.tar.gz"
    if not archive.exists():
        raise FileNotFoundError(f"{archive} is missing: run `make test-transformers`, which downloads it.")
    root = BUILD / f"transformers-{version('transformers')}"
    if not root.exists():
        partial = BUILD / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                parts = Path(member.name).parts
                if len(parts) == 3 and parts[1] == "tests" and member.isfile():
                    member.name = f"{PACKAGE}/{parts[2]}"
                    tar.extract(member, partial, filter="data")
        for name, text in MISSING.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        partial.rename(root)
    sys.path.insert(0, str(root))


unpack()
