package reports

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chop/validation"
)

// Strangers read the pages as they are meant.
func TestPDF(t *testing.T) {
	s := subject()
	for range 200 {
		s.Report.Signatures[0].Checks = append(s.Report.Signatures[0].Checks, validation.Check{Name: "CV", Status: validation.Passed, Detail: strings.Repeat("數碼 ", 40) + "\U0001f58b"})
	}
	b, err := PDF(s, "zh-Hant")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "r.pdf")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qpdf", "--check", path).CombinedOutput(); err != nil {
		t.Errorf("qpdf: %v %s", err, out)
	}
	out, err := exec.Command("pdftotext", "-layout", path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"文件簽署驗證報告", "憑現有資料無法判斷", "陳大文", "INDETERMINATE/TRY_LATER", `\u1f58b`, "1 / "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("lacks %q", want)
		}
	}
	if n := strings.Count(string(out), "\f"); n < 3 {
		t.Errorf("%d pages", n)
	}
}
