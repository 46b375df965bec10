package forms

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Files of the catalogue that are no forms.
const (
	departmentsFile = "departments.yaml"
	commonFile      = "common.yaml"
)

// maxFile bounds a form file, in bytes. It keeps a mistake (a picture, an alias bomb)
// from taking the process's memory.
const maxFile = 128 << 10

// Load reads and checks the embedded catalogue. A form that could not be drawn with
// every answer it takes is an error here, not on the day that somebody gives it.
func Load() (*Catalogue, error) {
	files, err := fs.Sub(catalogueFiles, "catalogue")
	if err != nil {
		return nil, fmt.Errorf("open form catalogue: %w", err)
	}
	return load(files)
}

func load(files fs.FS) (*Catalogue, error) {
	faces, err := loadFaces()
	if err != nil {
		return nil, err
	}
	s, err := loadShared(files, faces)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list form catalogue: %w", err)
	}
	c := &Catalogue{faces: faces}
	for _, name := range names {
		if name == departmentsFile || name == commonFile {
			continue
		}
		b, err := readFile(files, name)
		if err != nil {
			return nil, err
		}
		f, err := parseForm(b, s)
		if err != nil {
			return nil, fmt.Errorf("load form %s: %w", name, err)
		}
		if want := strings.TrimSuffix(path.Base(name), ".yaml"); f.ID != want {
			return nil, fmt.Errorf("%w: form %s has the id %q", ErrCatalogue, name, f.ID)
		}
		c.forms = append(c.forms, f)
	}
	return c.sorted(s)
}

// sorted puts departments and forms in their order, and refuses two of one number.
func (c *Catalogue) sorted(s *shared) (*Catalogue, error) {
	at := func(f *Form) int { return slices.Index(s.departments, f.Department) }
	slices.SortFunc(c.forms, func(a, b *Form) int {
		return cmp.Or(cmp.Compare(at(a), at(b)), cmp.Compare(a.Number, b.Number))
	})
	for i, f := range c.forms {
		if i > 0 && c.forms[i-1].Number == f.Number {
			return nil, fmt.Errorf("%w: two forms have the number %q", ErrCatalogue, f.Number)
		}
		c.index = append(c.index, newIndexed(f))
		if !slices.Contains(c.departments, f.Department) {
			c.departments = append(c.departments, f.Department)
		}
	}
	return c, nil
}

// shared is what form files refer to.
type shared struct {
	departments []*Department
	fields      map[string]*Field
	faces       *faces
}

func loadShared(files fs.FS, faces *faces) (*shared, error) {
	var departments struct {
		Departments []*Department `yaml:"departments"`
	}
	var common struct {
		Fields []*Field `yaml:"fields"`
	}
	for name, into := range map[string]any{departmentsFile: &departments, commonFile: &common} {
		b, err := readFile(files, name)
		if err != nil {
			return nil, err
		}
		if err := decode(b, into); err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
	}
	s := &shared{departments: departments.Departments, fields: map[string]*Field{}, faces: faces}
	for _, d := range s.departments {
		if d == nil || !idPattern.MatchString(d.ID) || !d.Name.whole() {
			return nil, fmt.Errorf("%w: %s: a department lacks its id or a name", ErrCatalogue, departmentsFile)
		}
	}
	for _, f := range common.Fields {
		if f == nil || !fieldPattern.MatchString(f.ID) || f.Use != "" || s.fields[f.ID] != nil {
			return nil, fmt.Errorf("%w: %s: a field has a bad id, or one that another has", ErrCatalogue, commonFile)
		}
		s.fields[f.ID] = f
	}
	return s, nil
}

func readFile(files fs.FS, name string) ([]byte, error) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read form catalogue: %w", err)
	}
	return b, nil
}

// decode reads one YAML document strictly: no unknown key, no key twice, nothing after.
func decode(b []byte, into any) error {
	if len(b) > maxFile {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrCatalogue, len(b), maxFile)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrCatalogue, err)
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: a second document in the file", ErrCatalogue)
	}
	return nil
}

// parseForm reads a form file, takes in the common fields, and checks everything.
func parseForm(b []byte, s *shared) (*Form, error) {
	f := &Form{faces: s.faces}
	if err := decode(b, f); err != nil {
		return nil, err
	}
	for _, d := range s.departments {
		if d.ID == f.DepartmentID {
			f.Department = d
		}
	}
	for _, section := range f.Sections {
		if section == nil {
			return nil, fmt.Errorf("%w: an empty section", ErrCatalogue)
		}
		for i, field := range section.Fields {
			if field == nil {
				return nil, fmt.Errorf("%w: an empty field", ErrCatalogue)
			}
			if field.Use != "" {
				base := s.fields[field.Use]
				if base == nil {
					return nil, fmt.Errorf("%w: no common field %.50q", ErrCatalogue, field.Use)
				}
				field = field.over(base)
				section.Fields[i] = field
			}
			field.faces = s.faces
		}
	}
	if err := f.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCatalogue, err)
	}
	return f, nil
}

// over returns a common field with the parts that f has written put over it.
func (f *Field) over(base *Field) *Field {
	merged := *base
	from, to := reflect.ValueOf(f).Elem(), reflect.ValueOf(&merged).Elem()
	for i := range from.NumField() {
		if v := from.Field(i); from.Type().Field(i).IsExported() && !v.IsZero() {
			to.Field(i).Set(v)
		}
	}
	merged.Use = ""
	return &merged
}
