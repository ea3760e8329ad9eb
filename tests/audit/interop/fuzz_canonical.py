"""A million records in the profile: orjson with sorted keys against PyPI's rfc8785, byte for byte.

python -m tests.audit.interop.fuzz_canonical [N] [SEED]
"""

import random
import sys

import rfc8785

from audit.canonical import decode, encode
from tests.audit.test_canonical import fuzzed_record


def main() -> int:
    given = [int(argument) for argument in sys.argv[1:3]]
    rounds, seed = (*given, *(1_000_000, 1)[len(given) :])
    rng = random.Random(seed)
    for n in range(rounds):
        record = fuzzed_record(rng)
        data = encode(record)
        if data != rfc8785.dumps(record) or decode(data) != record:
            print(f"record {n} of seed {seed} differs: {record!r}")
            return 1
    print(f"{rounds} records, 0 differences (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
