"""Uploads a folder of tokens as a data set of the Hub."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
from ..data.codec_info import CodecInfo
from ..data.token_folder import shard_paths

# -- the Hub ------------------------------------------------------------------------------------------------------


def push_tokens(token_dir: str | Path, repo: str) -> str:
    """Uploads a complete folder to the data set `repo` of the Hub, a large one in several commits; returns its address.

    Raises:
        DataError: if the folder is incomplete.
        OSError: if the Hub cannot be reached or refuses; names the command to try again.
    """
    from huggingface_hub import HfApi

    info = CodecInfo.read(token_dir)
    shard_paths(info)
    (Path(token_dir) / "README.md").write_text(
        "---\ntags: [tts-trm]\nconfigs:\n- config_name: default\n  data_files: tokens-*.parquet\n---\n\n"
        f"Speech as codes of {info.codec} ({info.geometry}), {info.frame_rate} frames per second.\n\n"
        f"    hf download {repo} --repo-type dataset --local-dir tokens\n"
        "    accelerate launch run_training.py --token-dir tokens\n",
        encoding="utf-8",
    )
    patterns = ["README.md", "*.json", "*.safetensors", "tokens-*.parquet", "durations-*.parquet"]
    try:
        api = HfApi()
        repo = api.create_repo(repo, repo_type="dataset", exist_ok=True).repo_id
        api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=str(token_dir),
            allow_patterns=patterns,
            commit_message="Upload tokens",
        )
    except Exception as error:
        # The network, rights, space: of many kinds, and the tokens are safe on disk.
        from .upload import without_secrets

        reason = without_secrets((str(error).splitlines() or [type(error).__name__])[0])
        raise OSError(
            f"{token_dir} was not uploaded to {repo} ({reason}). Try again with: "
            f"hf upload --repo-type dataset {repo} {token_dir}"
        ) from error
    return f"https://huggingface.co/datasets/{repo}"
