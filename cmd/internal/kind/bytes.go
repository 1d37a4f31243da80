package kind

import (
	"bytes"
	"fmt"
	"strings"
)

// magic are the first bytes of files that are no text.
var magic = []struct {
	id, start, what, do string
	pipe                string // unpacks to stdout; do is made of it
}{
	{id: "utf-32", start: "\xff\xfe\x00\x00", what: "UTF-32 text", do: "Save the UTF-32 text as UTF-8 (iconv -f UTF-32 -t UTF-8 FILE > NEW)."},
	{id: "utf-32", start: "\x00\x00\xfe\xff", what: "UTF-32 text", do: "Save the UTF-32 text as UTF-8 (iconv -f UTF-32 -t UTF-8 FILE > NEW)."},
	{id: "utf-16", start: "\xff\xfe", what: "UTF-16 text, as PowerShell's > writes it", do: doUTF16},
	{id: "utf-16", start: "\xfe\xff", what: "UTF-16 text", do: doUTF16},
	{id: "sqlite", start: "SQLite format 3\x00"},
	{id: "sqlite-wal", start: "\x37\x7f\x06\x82", what: "the write-ahead log (-wal) of a SQLite database", do: doWAL},
	{id: "sqlite-wal", start: "\x37\x7f\x06\x83", what: "the write-ahead log (-wal) of a SQLite database", do: doWAL},
	{id: "sqlite-journal", start: "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", what: "the rollback journal (-journal) of a SQLite database", do: doWAL},
	{id: "gzip", start: "\x1f\x8b", what: "gzip", pipe: "gunzip -c FILE"},
	{id: "zstd", start: "\x28\xb5\x2f\xfd", what: "zstd", pipe: "zstd -dc FILE"},
	{id: "xz", start: "\xfd7zXZ\x00", what: "an xz file", pipe: "xz -dc FILE"},
	{id: "bzip2", start: "BZh", what: "a bzip2 file", pipe: "bzip2 -dc FILE"},
	{id: "lz4", start: "\x04\x22\x4d\x18", what: "an lz4 file", pipe: "lz4 -dc FILE"},
	{id: "lzip", start: "LZIP", what: "an lzip file", pipe: "lzip -dc FILE"},
	{id: "compress", start: "\x1f\x9d", what: "a file of compress (.Z)", pipe: "gunzip -c FILE"},
	{id: "zip", start: "PK\x03\x04", what: "a zip archive", do: "Unpack the zip archive (unzip FILE), and give what is in it."},
	{id: "zip", start: "PK\x05\x06", what: "an empty zip archive", do: "Make the zip archive anew: it has nothing in it."},
	{id: "7z", start: "7z\xbc\xaf\x27\x1c", what: "a 7z archive", do: "Unpack the 7z archive (7z x FILE), and give what is in it."},
	{id: "rar", start: "Rar!\x1a\x07", what: "a RAR archive", do: "Unpack the RAR archive (unrar x FILE), and give what is in it."},
	{id: "cab", start: "MSCF", what: "a CAB archive", do: "Unpack the CAB archive (cabextract FILE), and give what is in it."},
	{id: "apple-double", start: "\x00\x05\x16\x07", what: "an AppleDouble file (._NAME), which macOS writes beside the real one", do: "Give the file beside it, whose name has no \"._\", in place of the AppleDouble file."},
	{id: "ds-store", start: "\x00\x00\x00\x01Bud1", what: "a .DS_Store file of macOS"},
	{id: "pdf", start: "%PDF-", what: "a PDF document"},
	{id: "png", start: "\x89PNG\r\n", what: "a PNG image"},
	{id: "jpeg", start: "\xff\xd8\xff", what: "a JPEG image"},
	{id: "gif", start: "GIF8", what: "a GIF image"},
	{id: "program", start: "\x7fELF", what: "a program (ELF)"},
	{id: "program", start: "MZ\x90\x00", what: "a program of Windows"},
	{id: "program", start: "\xcf\xfa\xed\xfe", what: "a program of macOS"},
	{id: "wasm", start: "\x00asm", what: "a WebAssembly module"},
	{id: "plist", start: "bplist00", what: "a binary property list"},
	{id: "pcap", start: "\xd4\xc3\xb2\xa1", what: "a packet capture (pcap)"},
	{id: "pcap", start: "\xa1\xb2\xc3\xd4", what: "a packet capture (pcap)"},
	{id: "pcap", start: "\x0a\x0d\x0d\x0a", what: "a packet capture (pcapng)"},
	{id: "ole", start: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", what: "an Outlook message (.msg) or an old Office document", do: "Open the Outlook message or document, and save what is attached to it as a file of its own."},
	{id: "shortcut", start: "\x4c\x00\x00\x00\x01\x14\x02\x00", what: "a shortcut of Windows (.lnk), not the file that it leads to", do: "Give the file that the shortcut leads to."},
	{id: "shortcut", start: "[InternetShortcut]", what: "a shortcut to an address (.url), not what is there", do: "Fetch what is at the address of the shortcut (curl -f -o FILE URL)."},
	{id: "cose", start: "\xd2\x84", what: "a COSE signature (CBOR)"},
	{id: "parquet", start: "PAR1", what: "a Parquet file"},
	{id: "git-bundle", start: "# v2 git bundle", what: "a bundle of Git, which is no proof bundle", do: "Clone the bundle of Git (git clone FILE), and give what is in it."},
	{id: "git-bundle", start: "# v3 git bundle", what: "a bundle of Git, which is no proof bundle", do: "Clone the bundle of Git (git clone FILE), and give what is in it."},
	{id: "pgp", start: "-----BEGIN PGP", what: "a PGP message or signature"},
	{id: "ssh-key", start: "ssh-ed25519 AAAA", what: "an SSH public key"},
	{id: "ssh-key", start: "ssh-rsa AAAA", what: "an SSH public key"},
	{id: "age", start: "age-encryption.org/v1", what: "a file encrypted with age", do: "Decrypt the file (age -d -i KEY FILE > NEW)."},
	{id: "minisign", start: "untrusted comment: ", what: "a minisign or signify file"},
}

const (
	doUTF16 = "Save the UTF-16 text as UTF-8 (iconv -f UTF-16 -t UTF-8 FILE > NEW), or fetch it with curl -o, which keeps its bytes."
	doWAL   = "Give the SQLite database that it belongs to, with this file beside it (qodverify audit DATABASE)."
)

// bytesKind tells what is no text, and what has nothing in it.
func bytesKind(data []byte, want Want) (Kind, bool) {
	is := func(id, what, do string) (Kind, bool) { return kindOf(id, what, do, want), true }
	switch {
	case len(data) == 0:
		return is("empty", "an empty file, of 0 bytes", "Get the file anew: the empty one was cut off, or never written.")
	case len(bytes.TrimLeft(data, "\x00")) == 0:
		return is("zeros", fmt.Sprintf("a file of %d zero bytes (NUL), as a crash or a broken copy leaves it", len(data)), "Get the file anew: nothing but zero bytes is left of it.")
	case len(bytes.TrimLeft(data, " \t\r\n\ufeff")) == 0:
		return is("blank", "a file of nothing but white space", "Get the file anew: the blank one has nothing in it.")
	}
	for _, m := range magic {
		if !bytes.HasPrefix(data, []byte(m.start)) {
			continue
		}
		switch {
		case m.id == "bzip2" && (len(data) < 10 || data[3] < '1' || data[3] > '9' || string(data[4:10]) != "1AY&SY" && string(data[4:10]) != "\x17rE8P\x90"):
			continue
		case m.id == "sqlite" && want == Database:
			return Kind{}, false
		case m.id == "sqlite":
			return sqlite(want), true
		case m.pipe != "":
			return is(m.id, m.what, "Unpack the "+m.id+" file ("+through(m.pipe, want)+").")
		}
		return is(m.id, m.what, m.do)
	}
	switch {
	case len(data) > 262 && string(data[257:262]) == "ustar":
		return is("tar", "a tar archive", "Unpack the tar archive (tar -xf FILE), and give what is in it.")
	case len(data) > 12 && (string(data[4:8]) == "jumb" || string(data[4:8]) == "ftyp"):
		return is("c2pa", "binary data with a C2PA manifest (JUMBF), or a media file", "Read the C2PA manifest with c2patool; it is no proof of a QoD session.")
	case halfZero(data):
		return is("utf-16", "UTF-16 text without a byte order mark", "Save the UTF-16 text as UTF-8 (iconv -f UTF-16LE -t UTF-8 FILE > NEW; or -f UTF-16BE).")
	case bytes.HasPrefix(data, []byte{0x30, 0x82}) || bytes.HasPrefix(data, []byte{0x30, 0x2a, 0x30, 0x05}):
		return is("der", "DER, as a certificate or a key in binary", "")
	}
	return binary(data, want)
}

func sqlite(want Want) Kind {
	do := ""
	switch want {
	case Bundle:
		do = "Audit the SQLite database (qodverify audit FILE), or write its records as bundles, one a line (qodverify export FILE); one that was compressed must be a file of its own."
	case Ledger:
		do = "Give its file by name, unpacked (qodverify audit FILE)."
	}
	return kindOf("sqlite", "a SQLite database", do, want)
}

// halfZero reports whether text begins as ASCII in UTF-16 does.
func halfZero(data []byte) bool {
	n := min(len(data), 64) &^ 1
	if n < 4 {
		return false
	}
	for _, odd := range []int{0, 1} {
		all := true
		for i := 0; i < n && all; i += 2 {
			all = data[i+odd] == 0 && data[i+1-odd] != 0 && data[i+1-odd] < 0x80
		}
		if all {
			return true
		}
	}
	return false
}

// binary tells what is no text by its first bytes. A JSON text whose strings hold
// control characters is the parser's to tell.
func binary(data []byte, want Want) (Kind, bool) {
	if body := trimmed(data); len(body) > 0 && (body[0] == '{' || body[0] == '[' || body[0] == '"') {
		return Kind{}, false
	}
	head := data[:min(len(data), 512)]
	odd := 0
	for _, r := range string(head) {
		if r < ' ' && !strings.ContainsRune("\t\r\n\f\x1b", r) || r == 0xfffd || r == 0x7f {
			odd++
		}
	}
	if odd*16 <= len(head) && !bytes.Contains(head, []byte{0}) {
		return Kind{}, false
	}
	return kindOf("binary", "binary data, of no kind that is known here: its first bytes are no text (it may be encrypted or damaged)", "", want), true
}

// trimmed is the text without a byte order mark and the white space before it.
func trimmed(data []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n")
}
