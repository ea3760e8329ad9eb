"""Names of persons and places: a small linear-chain model whose features each look at one word."""
