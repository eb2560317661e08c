"""Many clients ask how their work stands while edits run: no 5xx, and how long the answers take.

``python -m tests.web.load http://127.0.0.1:8787 [clients] [seconds]`` asks a server of this machine,
each client once a second. It is no test: pytest collects nothing here.
"""

import asyncio
import sys
import time
from collections import Counter

import httpx2

EDITS = 6


async def client(
    http: httpx2.AsyncClient, id: str, until: float, took: list[float], said: Counter[int]
) -> None:
    """Ask again and again."""
    while time.monotonic() < until:
        began = time.monotonic()
        answer = await http.get(f"/api/edits/{id}")
        took.append(time.monotonic() - began)
        said[answer.status_code] += 1
        await asyncio.sleep(max(0.0, 1.0 - took[-1]))


async def main(address: str, clients: int, seconds: float) -> None:
    """Queue some work, and ask."""
    if httpx2.URL(address).host not in ("127.0.0.1", "localhost"):
        raise SystemExit("Only a server on this machine is asked.")
    took, said = list[float](), Counter[int]()
    async with httpx2.AsyncClient(base_url=address, timeout=60) as http:
        ids = list[str]()
        for seed in range(EDITS):
            answer = await http.post("/api/generate", json={"target": "a red ball on grass", "seed": seed})
            ids.append(answer.raise_for_status().json()["id"])
        until = time.monotonic() + seconds
        await asyncio.gather(*(client(http, ids[k % EDITS], until, took, said) for k in range(clients)))
    took.sort()
    shares = {
        f"p{share}": f"{1000 * took[int(len(took) * share / 100) - 1]:.0f} ms" for share in (50, 90, 99)
    }
    print(f"{len(took)} answers from {clients} clients in {seconds:.0f} s: {dict(said)}; {shares}")
    if any(status >= 500 for status in said):
        raise SystemExit(1)


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(given[0], int(given[1]) if given[1:] else 100, float(given[2]) if given[2:] else 60.0))
