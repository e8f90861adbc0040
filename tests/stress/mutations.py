"""Ways to damage a file, each decided by the random numbers that it is given."""

import io
import itertools
import json
import random

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HOSTILE_VALUES = (
    *(None, True, -1, 0, 1, 2, 3, 7, 10**9, 10**30, -(10**18), 0.5, -0.5, float("nan"), float("inf")),
    *("", "a", "\0", "../../x", "/etc/passwd", "é" * 1000, "http://127.0.0.1:9/x"),
    *([], [[]], [-1], [0] * 1000, {}, {"a": 1}),
)  # fmt: skip


def mutate(content: bytes, random: random.Random, focus: int = 0) -> bytes:
    """`content` with one to four faults; three of four lie in its first `focus` bytes, if that is given."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        end = min(focus, len(data)) if focus and random.random() < 0.75 else len(data)
        place = random.randrange(max(1, end))
        span = random.choice((1, 2, 4, 16, 256, 4096))
        fault = random.randrange(7)
        if fault == 0 and data:
            data[min(place, len(data) - 1)] ^= 1 << random.randrange(8)
        elif fault == 1:
            data[place : place + span] = random.randbytes(len(data[place : place + span]))
        elif fault == 2:
            size = random.choice((1, 2, 4))
            value = random.choice(EXTREMES) % 256**size
            data[place : place + size] = value.to_bytes(size, random.choice(("little", "big")))
        elif fault == 3:
            del data[place : place + span]
        elif fault == 4:
            data[place:place] = data[place : place + span]
        elif fault == 5:
            data[place:place] = random.randbytes(span)
        else:
            del data[place:]
    return bytes(data)


def mutate_json(content: bytes, random: random.Random) -> bytes:
    """JSON of which one to three values are hostile, gone or new; one of four is damaged as bytes."""
    if random.random() < 0.25:
        return mutate(content, random)
    document = json.loads(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        places = list(_places(document))
        if not places:
            break
        # of long lists and vocabularies as seldom as of any other value
        holder, key = random.choice(random.choice([list(group) for _, group in itertools.groupby(places, _holder)]))
        fault = random.randrange(8)
        if fault == 0:
            del holder[key]
        elif fault == 1 and isinstance(holder, dict):
            name = random.choice(("", "x", "__class__", "auto_map", "model_type", "a.b"))
            holder[name] = random.choice(HOSTILE_VALUES)
        else:
            holder[key] = random.choice(HOSTILE_VALUES)
    return json.dumps(document).encode()


def _holder(place) -> int:
    return id(place[0])


def _places(node):
    """Every (container, key) of a JSON document."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, (dict, list)):
            yield from _places(value)


def mutate_safetensors(content: bytes, random: random.Random) -> bytes:
    """Weights that are damaged as bytes, mostly in the header, or whose header is well formed and lies."""
    header = 8 + int.from_bytes(content[:8], "little")
    if random.random() < 0.5:
        return mutate(content, random, focus=header)
    entries = mutate_json(content[8:header], random)
    return len(entries).to_bytes(8, "little") + entries + content[header:]


def mutate_parquet(content: bytes, random: random.Random) -> bytes:
    """A table that is damaged as bytes, mostly in the footer, or well formed with a value that it should not have."""
    import pyarrow
    import pyarrow.parquet

    footer = 8 + int.from_bytes(content[-8:-4], "little")
    if random.random() < 0.5:
        return mutate(content[::-1], random, focus=footer)[::-1]
    table = pyarrow.parquet.read_table(io.BytesIO(content))
    row, name = random.randrange(table.num_rows), random.choice(table.column_names)
    rows = table.to_pylist()
    holder, key = rows[row], name
    # In one of its lists.
    if random.random() < 0.5:
        holder, key = random.choice([place for place in _places(rows[row]) if place[0] is not rows[row]])
    if random.random() < 0.3 and isinstance(holder[key], list):
        holder[key] = holder[key][: random.randrange(len(holder[key]) + 1)]
    else:
        holder[key] = random.choice((*HOSTILE_VALUES, -(2**15), 2**15 - 1))
    for schema in (table.schema, None):
        try:
            damaged = pyarrow.Table.from_pylist(rows, schema).replace_schema_metadata(table.schema.metadata)
            break
        except (pyarrow.ArrowException, OverflowError, UnicodeEncodeError):
            # No value of this column.
            damaged = table.slice(0, row)
    file = io.BytesIO()
    pyarrow.parquet.write_table(damaged, file)
    return file.getvalue()


def mend_ogg(data: bytes) -> bytes:
    """`data` with the checksums of its Ogg pages made right, so that the damage gets as far as the decoder."""
    data, start = bytearray(data), 0
    while (start := data.find(b"OggS", start)) >= 0 and start + 27 <= len(data):
        table = data[start + 27 : start + 27 + data[start + 26]]
        end = start + 27 + len(table) + sum(table)
        data[start + 22 : start + 26] = bytes(4)
        checksum = 0
        for byte in data[start:end]:
            checksum = (checksum << 8 & 0xFFFFFFFF) ^ OGG_TABLE[checksum >> 24 ^ byte]
        data[start + 22 : start + 26] = checksum.to_bytes(4, "little")
        start += 4
    return bytes(data)


def _ogg_table() -> list[int]:
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


OGG_TABLE = _ogg_table()
