"""Words that the model takes for names in texts unlike those it learned from, and that are none when they stand alone."""

from __future__ import annotations

from typing import Final

_NEVER: Final = """
der die das den dem des im am ein eine la le les el los las il lo gli tel fax fon tél dear hi hello grade homeroom flat apt suite room unit floor
it's that's there's what's let's here's he's she's who's where's how's it’s that’s there’s what’s let’s here’s he’s she’s who’s where’s how’s i'm i'll i'd i've i’m
i’ll we we're we've we'll we’re they they're they’re you you're you’re don't don’t can't can’t isn't doesn't didn't won't wasn't aren't haven't couldn't wouldn't
vin iban bic email password passcode username gender passport fax cvv otp url uri html pdf csv json xml yaml api sdk ui id ids isbn null nil none unknown
mister mstr madam madame sir monsieur herr frau señor señora gecko mozilla webkit chrome safari firefox android linux windows
echo exit eval export grep sudo foo bar baz qux boolean array integer string meta enum struct schema timeout callback
whitespace handler handlers shortcut callee callees callable callables precheck sanitization gunzip matcher vertex bitcast cyan magenta goldenrod cornsilk
redis kubernetes nginx docker dockerfile dockerfiles kafka valgrind javascript typescript vim neovim numba numpy scipy conda miniconda postgres postgresql mysql
sqlite mongodb elasticsearch rabbitmq ansible terraform debian ubuntu fedora homebrew openstack github gitlab
contact info line website subject regards sincerely cheers thanks thank attached please note todo fixme readme
"""
NO_NAMES: Final = frozenset(_NEVER.split())


def is_no_name(value: str) -> bool:
    """Whether *value*, all of it, is such a word."""
    return value.strip(".").lower() in NO_NAMES
