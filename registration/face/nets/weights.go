package nets

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
)

var (
	// ErrNoWeights says that the files of the nets are not where they should be.
	ErrNoWeights = errors.New("the face nets' weights are missing")
	// ErrUnreadable says that the files, or the folders above them, are closed to this user.
	ErrUnreadable = errors.New("the face nets' weights cannot be read")
	// ErrWeights says that a file of the nets is another than the one this engine was tried with.
	ErrWeights = errors.New("the face nets' weights are not the expected ones")
)

// Package and Version say where the weights come from.
const (
	Package = "@vladmandic/face-api"
	Version = "1.7.15"
)

// files are the six files of three nets in the npm package's folder "model", with
// the SHA-256 of each: an engine whose numbers decide about people runs with no others.
var files = []struct{ name, digest string }{
	{"tiny_face_detector_model-weights_manifest.json", "5d1af4849ac48d5b985f4a9b16010c512353ddd6fcc63d50fd0bc9e9e64296e5"},
	{"tiny_face_detector_model.bin", "b7503ce7df31039b1c43316a9b865cab6a70dd748cc602d3fa28b551503c3871"},
	{"face_landmark_68_model-weights_manifest.json", "ca4886639f86e99b39fed0c155f81b63317225773bd9616716e887b0153389c9"},
	{"face_landmark_68_model.bin", "4611ef65c87d836d03d684b30eec4d195d8b219fa1dd58fc58945831c6b9299b"},
	{"face_recognition_model-weights_manifest.json", "cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b"},
	{"face_recognition_model.bin", "b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589"},
}

// Files are the names of the files that New wants in its folder.
func Files() []string {
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	return names
}

// Folders are where the weights are looked for when nobody says where they are:
// beside the program (bin/chop, bin/share/face), and where a package puts them (/usr/bin/chop, /usr/share/chop/face).
func Folders() []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real
	}
	dir := filepath.Dir(program)
	return []string{filepath.Join(dir, "share", "face"), filepath.Join(dir, "..", "share", "chop", "face")}
}

// Find returns the first of Folders that has weights, ErrNoWeights, or ErrUnreadable: what one may not look at may be
// there.
func Find() (string, error) {
	folders := Folders()
	for _, dir := range folders {
		_, err := os.Stat(filepath.Join(dir, files[0].name))
		switch {
		case err == nil:
			return dir, nil
		case !missing(err):
			return "", fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	return "", fmt.Errorf("%w: neither in %q", ErrNoWeights, folders)
}

// missing: there is no such file, nor such a folder.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// Open opens the six files of a folder, or, if it is empty, of the first of Folders that has them. It fails with
// ErrNoWeights or ErrUnreadable.
func Open(dir string) (opened []*os.File, err error) {
	if dir == "" {
		if dir, err = Find(); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		file, err := os.Open(filepath.Join(dir, f.name))
		if err != nil {
			closeAll(opened)
			if missing(err) {
				return nil, fmt.Errorf("%w: %w", ErrNoWeights, err)
			}
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		opened = append(opened, file)
	}
	return opened, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close() // only read
	}
}

// maxWeights is more than the largest of the files has, in bytes.
const maxWeights = 16 << 20

// readWeights reads the six files, each checked. Others may have the same descriptors, so no position is moved.
func readWeights(opened []*os.File) (map[string][]byte, error) {
	if len(opened) != len(files) {
		return nil, fmt.Errorf("%w: %d files, want %d", ErrWeights, len(opened), len(files))
	}
	content := map[string][]byte{}
	for i, f := range files {
		b, err := io.ReadAll(io.NewSectionReader(opened[i], 0, maxWeights))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != f.digest {
			return nil, fmt.Errorf("%w: %s is not that of %s %s", ErrWeights, opened[i].Name(), Package, Version)
		}
		content[f.name] = b
	}
	return content, nil
}

// weights are a net's numbers by name. The first that is missing or of another
// shape is remembered, so that a net is built without a check at each line.
type weights struct {
	values map[string]weight
	err    error
}

type weight struct {
	shape []int
	v     []float32
}

// decodeNet reads a net's manifest and its bytes: single-precision numbers, or
// unsigned 8-bit ones q, each worth q·scale + min.
func decodeNet(manifest, data []byte) (*weights, error) {
	var groups []struct {
		Weights []struct {
			Name         string
			Shape        []int
			DType        string
			Quantization *struct {
				DType      string
				Scale, Min float64
			}
		}
	}
	if err := json.Unmarshal(manifest, &groups); err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrWeights, err)
	}
	w := &weights{values: map[string]weight{}}
	for _, g := range groups {
		for _, e := range g.Weights {
			n := 1
			for _, side := range e.Shape {
				if side < 1 || side > 1<<16 || n > math.MaxInt32/side {
					return nil, fmt.Errorf("%w: shape of %s", ErrWeights, e.Name)
				}
				n *= side
			}
			size := 4 * n
			if e.Quantization != nil {
				size = n
			}
			if e.DType != "float32" || e.Quantization != nil && e.Quantization.DType != "uint8" || size > len(data) {
				return nil, fmt.Errorf("%w: %s", ErrWeights, e.Name)
			}
			v := make([]float32, n)
			for i := range v {
				if q := e.Quantization; q != nil {
					v[i] = float32(float64(data[i])*q.Scale + q.Min)
				} else {
					v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
				}
			}
			data = data[size:]
			w.values[e.Name] = weight{e.Shape, v}
		}
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrWeights, len(data))
	}
	return w, nil
}

// get returns the numbers of one name, in the shape of [height][width][in][out], [in][out] or [out].
func (w *weights) get(name string, dimensions int) weight {
	v, ok := w.values[name]
	if w.err == nil && (!ok || len(v.shape) != dimensions) {
		w.err = fmt.Errorf("%w: %s with %d dimensions", ErrWeights, name, dimensions)
	}
	if w.err != nil {
		return weight{shape: make([]int, dimensions)}
	}
	return v
}
