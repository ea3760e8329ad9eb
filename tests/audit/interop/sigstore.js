// Judges a tlog-proof file with npm's @sigstore/verify: its signed-note and its Merkle code, our file reading.
// node sigstore.js NODE_MODULES BUNDLE
const fs = require('fs');
const path = require('path');
const crypto = require('crypto');
const [modules, bundle] = process.argv.slice(2);
const dist = path.resolve(modules, '@sigstore/verify/dist/tlog');
const { verifyCheckpoint } = require(path.join(dist, 'checkpoint.js'));
const { verifyMerkleInclusion } = require(path.join(dist, 'merkle.js'));

const [name, keyId, key64] = fs.readFileSync(path.join(bundle, 'vkeys'), 'utf8').split('\n')[0].split(' ')[0].split(/\+(.{8})\+/s);
const raw = Buffer.from(key64, 'base64').subarray(1);
const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
const log = {
  logID: Buffer.from(keyId, 'hex'),
  baseURL: name,
  publicKey: crypto.createPublicKey({ key: der, format: 'der', type: 'spki' }),
};

const text = fs.readFileSync(path.join(bundle, 'entry5.tlog-proof'), 'utf8');
const cut = text.indexOf('\n\n');
const lines = text.slice(0, cut).split('\n').slice(1);
const leaf = Buffer.from(lines.shift().slice('extra '.length), 'base64');
const index = lines.shift().slice('index '.length);
const entry = {
  canonicalizedBody: leaf,
  inclusionProof: {
    logIndex: index,
    hashes: lines.map((line) => Buffer.from(line, 'base64')),
    checkpoint: { envelope: text.slice(cut + 2) },
  },
};
verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]));
