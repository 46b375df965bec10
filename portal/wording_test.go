package portal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"chop/policies"
)

// textsOf reads a language's texts; those with a plural are left out.
func textsOf(t *testing.T, tag string) map[string]string {
	t.Helper()
	var all map[string]any
	if _, err := toml.DecodeFile("locales/"+tag+".toml", &all); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for id, text := range all {
		if s, ok := text.(string); ok {
			texts[id] = s
		}
	}
	return texts
}

// approvalTexts are those of the approval page, which is built from its own source.
func approvalTexts(t *testing.T, tag string) map[string]string {
	t.Helper()
	name := map[string]string{"en": "en", "zh-Hant-HK": "hant", "zh-Hans": "hans"}[tag]
	b, err := os.ReadFile("../signer/approval/web/src/texts/" + name + ".js")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^  '([a-z.]+)': '(.*)',$`).FindAllStringSubmatch(string(b), -1) {
		texts[m[1]] = m[2]
	}
	if len(texts) < 80 {
		t.Fatalf("%s: only %d texts of the approval page were found", name, len(texts))
	}
	return texts
}

// One thing has one name, wherever people read of it: on the site, the approval page, a kiosk, the desk, in a notice.
func TestOneName(t *testing.T) {
	var files []string
	for _, pattern := range []string{"locales/*.toml", "desk/texts.yaml", "../notification/texts.yaml", "../registration/kiosk/page/texts.yaml", "../registration/places/places.yaml", "../signer/approval/web/src/texts/*.js"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		files = append(files, found...)
	}
	names := []struct{ another, one string }{
		{"登录", "登入"}, {"登錄", "登入"}, {"身分", "身份"}, {"簡易版", "基本版"}, {"简易版", "基本版"},
		{"櫃檯", "登記櫃位"}, {"櫃台", "登記櫃位"}, {"柜台", "登记柜位"},
	}
	short := regexp.MustCompile(`(?:^|[^記])櫃位|(?:^|[^记])柜位`)
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			for _, n := range names {
				if strings.Contains(line, n.another) {
					t.Errorf("%s:%d says %s, elsewhere it is %s", name, i+1, n.another, n.one)
				}
			}
			if short.MatchString(line) {
				t.Errorf("%s:%d: a counter is 登記櫃位 in full: %s", name, i+1, line)
			}
		}
	}
}

// A page that says what somebody said quotes the button that they pressed.
func TestQuotesTheButton(t *testing.T) {
	for _, tongue := range tongues {
		said, button := textsOf(t, tongue.Tag)["failure.not-me"], approvalTexts(t, tongue.Tag)["sign.notme"]
		if button == "" || !strings.Contains(said, button) {
			t.Errorf("%s: the button says %q, and then it is: %s", tongue.Tag, button, said)
		}
	}
}

// The hotline suspends. An account is used again after two officers have seen the person: no text sends people to the
// telephone for it.
func TestHotlineResumesNothing(t *testing.T) {
	hotline := regexp.MustCompile(`(?i)hotline|熱線|热线`)
	for _, tongue := range tongues {
		texts := approvalTexts(t, tongue.Tag)
		for _, id := range []string{"notme.text", "notmedone.do", "suspended.do"} {
			if text := texts[id]; text == "" || hotline.MatchString(text) {
				t.Errorf("%s: %s is %q", tongue.Tag, id, text)
			}
		}
		for id, text := range textsOf(t, tongue.Tag) {
			if hotline.MatchString(text) && (strings.Contains(id, "suspended") || id == "lost.next" || id == "failure.not-me") {
				t.Errorf("%s: %s is %q", tongue.Tag, id, text)
			}
		}
	}
}

// The privacy statement counts what the code has: the cookies, and how long signed files lie here.
func TestPrivacyIsTrue(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	cookies := map[string]bool{"chop": true} // the session's (newSessions)
	named := regexp.MustCompile(`\w+Cookie\s+= "(chop-[a-z]+)"`)
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			cookies[m[1]] = true
		}
	}
	policy, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := policy.Retention("signed-file")
	if err != nil {
		t.Fatal(err)
	}
	days, _, _ := strings.Cut(signed.Period.String(), " ")
	for tag, number := range map[string][]string{"en": {"Four", "Five", "Six"}, "zh-Hant-HK": {"四個", "五個", "六個"}, "zh-Hans": {"四个", "五个", "六个"}} {
		texts := textsOf(t, tag)
		if want := number[len(cookies)-4]; !strings.Contains(texts["privacy.cookies.text"], want) {
			t.Errorf("%s: there are %d cookies (%s): %s", tag, len(cookies), want, texts["privacy.cookies.text"])
		}
		if !strings.Contains(texts["privacy.kept.text"], days) {
			t.Errorf("%s: signed files are kept %s: %s", tag, signed.Period, texts["privacy.kept.text"])
		}
		for name, said := range map[string]map[string]string{
			"closed-card 1 year":      {"en": "One year later", "zh-Hant-HK": "其後一年", "zh-Hans": "其后一年"},
			"closed-identity 7 years": {"en": "seven years after your last certificate ends", "zh-Hant-HK": "最後一張證書到期後七年", "zh-Hans": "最后一张证书到期后七年"},
		} {
			name, period, _ := strings.Cut(name, " ")
			rule, err := policy.Retention(name)
			if err != nil || rule.Period.String() != period || !strings.Contains(texts["privacy.kept.text"], said[tag]) {
				t.Errorf("%s: %s is kept %+v, %v: %s", tag, name, rule, err, texts["privacy.kept.text"])
			}
		}
		face := map[string]string{"en": "your face", "zh-Hant-HK": "面部影像", "zh-Hans": "面部影像"}[tag]
		for _, part := range []string{"what", "who"} {
			if text := texts["privacy."+part+".text"]; !strings.Contains(text, face) {
				t.Errorf("%s: pictures of the face are taken, and one is sent to be compared: %s", tag, text)
			}
		}
	}
}

// An acceptance names the notice that was read: whoever changes its words gives it another name (registration.CollectionNotice).
func TestNoticeHasItsName(t *testing.T) {
	digest := sha256.New()
	for _, tongue := range tongues {
		texts := textsOf(t, tongue.Tag)
		var ids []string
		for id := range texts {
			if strings.HasPrefix(id, "notice.") {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		for _, id := range ids {
			fmt.Fprintf(digest, "%s %s %s\n", tongue.Tag, id, texts[id])
		}
	}
	got := CollectionNotice + " " + hex.EncodeToString(digest.Sum(nil)[:8])
	if want := "collection-notice-2026-11-26 0e52f49c0bc63e0c"; got != want {
		t.Errorf("the notice is %s, want %s", got, want)
	}
}
