// tlogcheck judges a tlog-tiles directory with golang.org/x/mod/sumdb note and tlog.
//
// One line in (JSON: dir, vkey, outside), one line out (OK, or BAD and a reason). The
// cryptography is x/mod's; this file only opens files and compares.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Dir     string   `json:"dir"`
	Vkey    string   `json:"vkey"`
	Outside []string `json:"outside"`
}

type head struct {
	origin string
	size   int64
	root   tlog.Hash
}

type hashes map[int64]tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		value, ok := h[index]
		if !ok {
			return nil, errors.New("hash not stored")
		}
		out[i] = value
	}
	return out, nil
}

func openHead(file string, verifiers note.Verifiers) (head, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return head{}, err
	}
	opened, err := note.Open(data, verifiers)
	if err != nil {
		return head{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		return head{}, errors.New("not a checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] || size < 0 {
		return head{}, errors.New("bad size")
	}
	raw, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(raw) != 32 {
		return head{}, errors.New("bad root")
	}
	h := head{origin: lines[0], size: size}
	copy(h.root[:], raw)
	return h, nil
}

func number(n int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	return path
}

func tileFile(dir, level string, n, width int64) string {
	name := filepath.Join(dir, "tile", level, number(n))
	if width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	return name
}

func leaves(dir string, size int64) ([][]byte, error) {
	var out [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := size - n*256
		if width > 256 {
			width = 256
		}
		data, err := os.ReadFile(tileFile(dir, "entries", n, width))
		if err != nil {
			return nil, err
		}
		count := int64(0)
		for len(data) > 0 {
			if len(data) < 2 {
				return nil, errors.New("entry cut short")
			}
			length := int(data[0])<<8 | int(data[1])
			if len(data) < 2+length {
				return nil, errors.New("entry cut short")
			}
			out = append(out, data[2:2+length])
			data = data[2+length:]
			count++
		}
		if count != width {
			return nil, errors.New("wrong number of entries")
		}
	}
	return out, nil
}

func judge(q question) error {
	verifier, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return err
	}
	verifiers := note.VerifierList(verifier)
	main, err := openHead(filepath.Join(q.Dir, "checkpoint"), verifiers)
	if err != nil {
		return err
	}
	if main.origin != verifier.Name() {
		return errors.New("another log")
	}
	entries, err := leaves(q.Dir, main.size)
	if err != nil {
		return err
	}
	store := hashes{}
	for i, leaf := range entries {
		stored, err := tlog.StoredHashes(int64(i), leaf, store)
		if err != nil {
			return err
		}
		for j, value := range stored {
			store[tlog.StoredHashIndex(0, int64(i))+int64(j)] = value
		}
	}
	root, err := tlog.TreeHash(main.size, store)
	if err != nil {
		return err
	}
	if root != main.root {
		return errors.New("entries do not lead to the signed root")
	}
	for _, tile := range tlog.NewTiles(8, 0, main.size) {
		// NewTiles lists every width a partial tile passed through; a static export has the last.
		if width := main.size>>(8*uint(tile.L)) - tile.N*256; tile.W < 256 && int64(tile.W) != width {
			continue
		}
		want, err := tlog.ReadTileData(tile, store)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(tileFile(q.Dir, strconv.Itoa(tile.L), tile.N, int64(tile.W)))
		if err != nil || !bytes.Equal(want, got) {
			return fmt.Errorf("tile %d/%d.%d differs (%v)", tile.L, tile.N, tile.W, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(q.Dir, "checkpoints", "*"))
	if err != nil {
		return err
	}
	sort.Strings(files)
	for _, file := range append(files, q.Outside...) {
		other, err := openHead(file, verifiers)
		if err != nil {
			return err
		}
		if other.origin != main.origin || other.size > main.size {
			return errors.New("a head beyond the log, or of another one")
		}
		if other.size == 0 {
			continue
		}
		proof, err := tlog.ProveTree(main.size, other.size, store)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, main.size, main.root, other.size, other.root); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Println("BAD question")
			continue
		}
		if err := judge(q); err != nil {
			fmt.Println("BAD", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("OK")
		}
	}
}
