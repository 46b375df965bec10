package forms

import (
	"fmt"
	"strconv"
)

// messages are what a person is told, by the key of a FieldError. %s is the limit that
// the key speaks of.
var messages = map[string]Text{
	"required":     {"Fill in this answer.", "請填寫此項。", "请填写此项。"},
	"tick":         {"Tick this box to go on.", "請剔選此方格，方可繼續。", "请勾选此方格，方可继续。"},
	"tooLong":      {"This answer is too long. Use at most %s characters.", "內容太長，最多可填寫 %s 個字元。", "内容太长，最多可填写 %s 个字符。"},
	"tooManyLines": {"This answer has too many lines. Use at most %s.", "行數太多，最多可填寫 %s 行。", "行数太多，最多可填写 %s 行。"},
	"character":    {"This answer has a character that cannot be printed on the form, such as an emoji. Take it out.", "內容含有表格未能印出的字元，例如表情符號，請將其刪除。", "内容含有表格无法印出的字符，例如表情符号，请将其删除。"},
	"pattern":      {"This answer is not in the form that is needed. Look at the note beside it.", "填寫格式不正確，請參閱旁邊的說明。", "填写格式不正确，请参阅旁边的说明。"},
	"date":         {"Give a real date, such as 23 November 2026.", "請填寫正確日期，例如 2026年11月23日。", "请填写正确日期，例如 2026年11月23日。"},
	"past":         {"This date must not be after today.", "日期不可遲於今天。", "日期不可晚于今天。"},
	"future":       {"This date must not be before today.", "日期不可早於今天。", "日期不可早于今天。"},
	"choice":       {"Choose one of the answers.", "請選擇其中一項。", "请选择其中一项。"},
	"hkid":         {"Check the identity card number, with the digit in brackets, such as A123456(3).", "請核對身份證號碼，包括括號內的數字，例如 A123456(3)。", "请核对身份证号码，包括括号内的数字，例如 A123456(3)。"},
	"phone":        {"Give a Hong Kong number of 8 digits, or one with + and the country code.", "請填寫 8 位數字的香港電話號碼，或連同 + 號及國家號碼填寫。", "请填写 8 位数字的香港电话号码，或连同 + 号及国家号码填写。"},
	"email":        {"Give an e-mail address, such as name@example.hk.", "請填寫電郵地址，例如 name@example.hk。", "请填写电邮地址，例如 name@example.hk。"},
	"amount":       {"Give an amount in Hong Kong dollars, such as 1,234.50.", "請以港元填寫款額，例如 1,234.50。", "请以港元填写金额，例如 1,234.50。"},
	"tooSmall":     {"This amount must be at least HK$%s.", "款額不可少於 HK$%s。", "金额不可少于 HK$%s。"},
	"tooLarge":     {"This amount must be at most HK$%s.", "款額不可多於 HK$%s。", "金额不可多于 HK$%s。"},
	"chineseName":  {"Write the name in Chinese characters, as on the identity card.", "請以中文字填寫姓名，與身份證上的相同。", "请以中文字填写姓名，与身份证上的相同。"},
}

// message returns the message of a kind of error on this field. The form's own text
// goes before the usual one where it says what its pattern wants.
func (f *Field) message(key, lang string) string {
	if key == "pattern" && !f.Error.IsZero() {
		return f.Error.In(lang)
	}
	text := messages[key].In(lang)
	switch key {
	case "tooLong":
		return fmt.Sprintf(text, strconv.Itoa(f.Max))
	case "tooManyLines":
		return fmt.Sprintf(text, strconv.Itoa(f.MaxLines()))
	case "tooSmall":
		return fmt.Sprintf(text, grouped(f.Least))
	case "tooLarge":
		return fmt.Sprintf(text, grouped(f.Most))
	}
	return text
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
