package department

import (
	"archive/zip"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"

	"chop/internal/web"
	"chop/sealing"
)

// transfer is how long one file, or all of a batch, may be on its way.
const transfer = 15 * time.Minute

// addFiles takes a form's documents, one after the other. The page's script sends one a request, and hears JSON; without
// it a form may bring several.
func addFiles(q *request) error {
	if err := q.desk.uploads.Acquire(q.Context(), 1); err != nil {
		return errBusy
	}
	defer q.desk.uploads.Release(1)
	control := http.NewResponseController(q.w)
	if err := control.SetReadDeadline(time.Now().Add(transfer)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	q.Body = http.MaxBytesReader(q.w, q.Body, 4*sealing.MaxBytes)
	form, err := q.MultipartReader()
	if err != nil {
		return errForm
	}
	format, files := "", 0
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return formProblem(err)
		}
		switch part.FormName() {
		case "format":
			b, err := io.ReadAll(io.LimitReader(part, 20))
			if err != nil {
				return formProblem(err)
			}
			format = string(b)
		case "document":
			content, err := readPart(part)
			if err != nil {
				return err
			}
			if part.FileName() == "" && len(content) == 0 {
				continue // nothing was chosen
			}
			if err := q.book().Add(q.Context(), q.operator, q.param("id"), part.FileName(), format, content); err != nil {
				return err
			}
			files++
		default:
			return errForm
		}
	}
	if files == 0 {
		return sealing.ErrInvalid
	}
	if q.Header.Get("Accept") == "application/json" {
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return q.seeOther("/batches/" + q.param("id"))
}

func readPart(part *multipart.Part) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(part, sealing.MaxBytes+1))
	if err != nil {
		return nil, formProblem(err)
	}
	return content, nil // one byte too much is refused by name
}

func formProblem(err error) error {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return sealing.ErrLimit
	}
	return errForm
}

func original(q *request) error { return q.file(false) }
func sealed(q *request) error   { return q.file(true) }

// file answers with one document. A browser saves it, and shows nothing of it on this origin.
func (q *request) file(sealed bool) error {
	batch, err := q.book().Batch(q.Context(), q.operator.Department, q.param("id"))
	if err != nil {
		return err
	}
	documents, err := q.book().Documents(q.Context(), batch.ID)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(q.param("n"))
	if err != nil || n < 1 || n > len(documents) {
		return sealing.ErrUnknown
	}
	content, err := q.book().Content(q.Context(), batch.ID, n, sealed)
	if err != nil {
		return err
	}
	name := documents[n-1].Name
	if sealed {
		name = documents[n-1].Result()
	}
	return q.attach(name, int64(len(content)), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// attach answers with a file to be saved. size below zero is not known.
func (q *request) attach(name string, size int64, write func(io.Writer) error) error {
	control := http.NewResponseController(q.w)
	if err := control.SetWriteDeadline(time.Now().Add(transfer)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	h := q.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	if size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	if err := write(q.w); err != nil {
		// The answer has begun. Cut off, it cannot be taken for a whole one.
		web.Log(q.Context()).Info("a download broke off", "err", err.Error())
		panic(http.ErrAbortHandler)
	}
	return nil
}

// allSealed is every sealed file of a batch that is over, in one. They are stored as they are: what is signed is hardly
// compressible, and a reader sees their bytes.
func allSealed(q *request) error {
	batch, err := q.book().Batch(q.Context(), q.operator.Department, q.param("id"))
	if err != nil {
		return err
	}
	if batch.State != sealing.Done {
		return sealing.ErrState
	}
	documents, err := q.book().Documents(q.Context(), batch.ID)
	if err != nil {
		return err
	}
	kept := 0
	for _, d := range documents {
		if d.ResultKept {
			kept++
		}
	}
	if kept == 0 {
		return sealing.ErrGone
	}
	return q.attach("sealed-"+batch.ID+".zip", -1, func(w io.Writer) error {
		archive := zip.NewWriter(w)
		for _, d := range documents {
			if !d.ResultKept {
				continue
			}
			content, err := q.book().Content(q.Context(), batch.ID, d.Number, true)
			if err != nil {
				return err
			}
			f, err := archive.CreateHeader(&zip.FileHeader{Name: d.Result(), Method: zip.Store, Modified: batch.ChangedAt})
			if err != nil {
				return err
			}
			if _, err := f.Write(content); err != nil {
				return err
			}
		}
		return archive.Close()
	})
}
