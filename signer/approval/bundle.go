package approval

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed static
var static embed.FS

// embedded is the folder of the built files.
func embedded() fs.FS {
	sub, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

// bundle is the page: files that are served as they were built.
type bundle struct {
	files  map[string]*file // by name, "index.html"
	list   []*file          // in the order of their names
	hash   string           // hex of the SHA-256 over the list, see readBundle
	script string           // the CSP's source for the page's script, 'sha256-…'
}

type file struct {
	Path   string `json:"path"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"` // hex

	kind    string
	data    []byte
	gzipped []byte // nil where that saves nothing
}

// kinds are the files that a page may consist of; the build makes no others.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".wasm": "application/wasm",
	".bcmap": "application/octet-stream", ".pfb": "application/octet-stream", ".ttf": "font/ttf",
	".icc": "application/octet-stream", ".txt": "text/plain; charset=utf-8",
}

const scriptOpen, scriptClose = `<script type="module">`, `</script>`

// readBundle reads all files. The bundle's hash is the SHA-256 of the lines that
// sha256sum prints for them ("<hex>  <path>\n"), in the order of the paths'
// bytes: anybody can make it again with two commands. ErrNotBuilt.
func readBundle(folder fs.FS) (*bundle, error) {
	b := &bundle{files: make(map[string]*file)}
	sum := sha256.New()
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "README.md" || name == ".gitignore" {
			return err
		}
		f, err := readFile(folder, name)
		if err != nil {
			return err
		}
		b.files[name] = f
		b.list = append(b.list, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	page, ok := b.files["index.html"]
	if !ok {
		return nil, ErrNotBuilt
	}
	sortFiles(b.list)
	for _, f := range b.list {
		fmt.Fprintf(sum, "%s  %s\n", f.SHA256, f.Path)
	}
	b.hash = hex.EncodeToString(sum.Sum(nil))
	b.script, err = scriptSource(page.data)
	return b, err
}

func readFile(folder fs.FS, name string) (*file, error) {
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, err
	}
	kind, ok := kinds[path.Ext(name)]
	if !ok {
		return nil, fmt.Errorf("%s is no file of a page", name)
	}
	digest := sha256.Sum256(data)
	f := &file{Path: name, Size: len(data), SHA256: hex.EncodeToString(digest[:]), kind: kind, data: data}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(data) // into memory: cannot fail
	z.Close()
	if packed.Len() < len(data)*9/10 {
		f.gzipped = packed.Bytes()
	}
	return f, nil
}

// scriptSource is the CSP's source for the page's one script, which stands in
// the page itself: for a script in a file of its own some browsers do not compare
// hashes. CSP Level 3, 6.7.2.4.
func scriptSource(page []byte) (string, error) {
	_, rest, ok := strings.Cut(string(page), scriptOpen)
	if !ok {
		return "", errors.New("index.html has no script")
	}
	script, rest, ok := strings.Cut(rest, scriptClose)
	if !ok || strings.Contains(rest, "<script") {
		return "", errors.New("index.html has more than one script")
	}
	digest := sha256.Sum256([]byte(script))
	return "'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'", nil
}
