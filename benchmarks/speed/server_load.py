"""How a server bears many clients: latency, wrong audio, refusals, and memory.

    python benchmarks/speed/server_load.py
    python benchmarks/speed/server_load.py --clients 8 --seconds 20 --page-requests 50

It starts `app.py` with the bundled voice and as many places as there are clients. Every client asks for speech again as
soon as it has the last one, and compares each sample with what the same request gave alone. Then one client asks the
page over and over. Memory is measured in the server's process.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
import torch

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import ROOT, machine, memory, table, write_results

REQUESTS = [
    {"voice": voice, "input": text, "speed": speed}
    for voice in ("kathleen", "kerstin")
    for speed in (1.0, 1.3)
    for text in (
        "Good morning.",
        "The weather is nice today, and the birds are singing.",
        "Two days ago it was cold. Nobody went outside, and the streets were quiet. Then the sun came back.",
    )
]
PERCENTILES = (50, 90, 99)


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50, help="at once (default: 50)")
    parser.add_argument("--seconds", type=float, default=300.0, help="that they keep asking (default: 300)")
    parser.add_argument("--page-requests", type=int, default=1000, help="of the page, one by one (default: 1000)")
    return parser.parse_args(arguments)


def body(request: dict) -> dict:
    return {"model": "tts-trm-mini", "response_format": "pcm", **request}


class Clients:
    """Clients that ask for `REQUESTS` at random, each as soon as it has its last answer."""

    def __init__(self, address: str):
        self.address = address
        self.expected: list[bytes] = []
        # Latencies; seconds of audio.
        self.first, self.whole, self.seconds = [], [], 0.0
        self.wrong = self.refused = 0

    async def load(self, clients: int, seconds: float) -> None:
        limits = httpx.Limits(max_connections=clients)
        async with httpx.AsyncClient(base_url=self.address, timeout=120, limits=limits) as client:
            for request in REQUESTS:
                answer = await client.post("/v1/audio/speech", json=body(request))
                self.expected.append(answer.raise_for_status().content)
            end = time.monotonic() + seconds
            await asyncio.gather(*(self.ask(client, random.Random(number), end) for number in range(clients)))

    async def ask(self, client: httpx.AsyncClient, chance: random.Random, end: float) -> None:
        while time.monotonic() < end:
            index = chance.randrange(len(REQUESTS))
            started, chunks = time.monotonic(), []
            async with client.stream("POST", "/v1/audio/speech", json=body(REQUESTS[index])) as answer:
                if answer.status_code == 429:
                    self.refused += 1
                    await asyncio.sleep(int(answer.headers["retry-after"]))
                    continue
                answer.raise_for_status()
                async for chunk in answer.aiter_raw():
                    if not chunks:
                        self.first.append(time.monotonic() - started)
                    chunks.append(chunk)
            self.whole.append(time.monotonic() - started)
            self.wrong += b"".join(chunks) != self.expected[index]
            self.seconds += len(self.expected[index]) / 2 / 24_000


def ask_page(address: str, requests: int) -> None:
    """What the browser does when the button is pressed, pictures left out."""
    with httpx.Client(base_url=address, timeout=120) as client:
        config = client.get("/config").json()
        (number,) = [each["id"] for each in config["dependencies"] if each["api_name"] == "speak"]
        for count in range(requests):
            session = {"session_hash": f"benchmark{count}"}
            data = [REQUESTS[1]["input"], "kathleen", "nobody", 0.5, 1.0, 0.75, 0.0, 42]
            client.post("/gradio_api/queue/join", json={"data": data, "fn_index": number, **session}).raise_for_status()
            with client.stream("GET", "/gradio_api/queue/data", params=session) as answer:
                events = list(answer.iter_lines())
            if not any('"success":true' in event and "speech.wav" in event for event in events):
                raise RuntimeError(f"request {count} of the page failed: {events}")


def measure(command) -> dict:
    """All figures of one server."""
    server = subprocess.Popen(
        [sys.executable, "app.py", "--port", "0", "--device", "cpu", "--max-requests", str(command.clients)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        address = server.stdout.readline().strip()
        if not address:
            raise RuntimeError("the server did not start; its error is above.")
        ask_page(address, 20)
        warm_up = Clients(address)
        asyncio.run(warm_up.load(command.clients, min(15.0, command.seconds)))
        before = memory("VmRSS", server.pid)
        clients = Clients(address)
        asyncio.run(clients.load(command.clients, command.seconds))
        loaded = memory("VmRSS", server.pid)
        ask_page(address, command.page_requests)
        after = memory("VmRSS", server.pid)
    finally:
        server.terminate()
        server.wait()
    return {
        "clients": command.clients,
        "seconds": command.seconds,
        "requests": len(clients.whole),
        "wrong": clients.wrong,
        "refused": clients.refused,
        "audio_seconds_per_second": clients.seconds / command.seconds,
        "first_audio_seconds": percentiles(clients.first),
        "whole_seconds": percentiles(clients.whole),
        "memory_mb": before,
        "growth_mb": loaded - before,
        "page_requests": command.page_requests,
        "page_growth_mb": after - loaded,
    }


def percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {str(percentile): round(cuts[percentile - 1], 4) for percentile in PERCENTILES}


def tables(results: dict) -> str:
    rows = [
        ["requests answered", results["requests"]],
        ["of these wrong or truncated", results["wrong"]],
        ["refused", results["refused"]],
        ["seconds of audio made in a second", results["audio_seconds_per_second"]],
        *[
            [f"{label}, {percentile} % within [s]", value]
            for label, key in (("first audio", "first_audio_seconds"), ("whole audio", "whole_seconds"))
            for percentile, value in results[key].items()
        ],
        ["memory before [MB]", round(results["memory_mb"])],
        ["growth under load [MB]", round(results["growth_mb"])],
        [f"growth in {results['page_requests']} requests of the page [MB]", round(results["page_growth_mb"])],
    ]
    return table([f"{results['clients']} clients, {results['seconds']:.0f} s", ""], rows)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    # As the server does: the machine is described by it.
    torch.set_num_threads(1)
    try:
        results = measure(command)
    except (RuntimeError, OSError, httpx.HTTPError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(machine())
    print(tables(results))
    print(write_results("serving", results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
