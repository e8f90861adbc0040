"""Token folders of one codec as one, so that what has been tokenised once is not tokenised again."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from .clips import DataError
from .codec_info import CODEBOOKS_FILE, CODEC_FILE, CodecInfo
from .token_folder import shard_names, shard_paths, write_shard

COLUMNS = ("name", "text", "speaker", "audio_codes", "num_frames")


def join_tokens(folders: Sequence[str | Path], output: str | Path) -> int:
    """Writes the rows of several token folders into a new one; the number of rows.

    Durations are not copied: they belong to one tokenizer, and training computes them again. A folder may lack its
    codebooks if another one of the same codec has them.

    Raises:
        DataError: if a folder is none, the codecs differ, or none has the codebooks; nothing is written then.
    """
    import pyarrow
    import pyarrow.parquet

    output, places = Path(output), [Path(folder) for folder in folders]
    infos = [CodecInfo.read(folder) for folder in places]
    for folder, info in zip(places, infos, strict=True):
        if info.fingerprint != infos[0].fingerprint:
            raise DataError(
                f"{folder}: its codes come from another codec than those of {places[0]}; join codes of one codec."
            )
    books = next((folder / CODEBOOKS_FILE for folder in places if (folder / CODEBOOKS_FILE).is_file()), None)
    if books is None:
        raise DataError(f"{places[0]}: no folder holds {CODEBOOKS_FILE}; name one that was tokenised here.")
    if (output / CODEC_FILE).exists():
        raise DataError(f"{output}: holds tokens already; give another folder.")
    tables = [pyarrow.parquet.read_table(path, columns=list(COLUMNS)) for info in infos for path in shard_paths(info)]
    table = pyarrow.concat_tables(part.cast(tables[0].schema) for part in tables)
    output.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(books, output / CODEBOOKS_FILE)
    info = infos[0]
    info.folder = str(output)
    names = shard_names(-(-len(table) // info.shard_size))
    for number, name in enumerate(names):
        part = table.slice(number * info.shard_size, info.shard_size).combine_chunks()
        write_shard(output / name, part, info, [])
    # Last: a folder that lacks it is no token folder yet.
    info.write()
    return len(table)
