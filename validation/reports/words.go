package reports

import "chop/validation"

// words are by name: English, 繁體中文, 简体中文.
var words = map[string][3]string{
	"title":              {"Report on the signatures of a document", "文件簽署驗證報告", "文件签署验证报告"},
	"document":           {"Document", "文件", "文件"},
	"digest":             {"SHA-256", "SHA-256", "SHA-256"},
	"judged":             {"Judged as of", "驗證時間", "验证时间"},
	"passed":             {"All signatures are valid. The document can be relied on as its signers signed it.", "所有簽署均有效。文件內容與簽署人簽署時一致，可予信賴。", "所有签署均有效。文件内容与签署人签署时一致，可予信赖。"},
	"failed":             {"Do not rely on this document: a signature is not valid, or the document was changed.", "請勿信賴此文件：有簽署無效，或文件曾被更改。", "请勿信赖此文件：有签署无效，或文件曾被更改。"},
	"undecided":          {"Whether the document can be relied on cannot be decided with what is there.", "憑現有資料無法判斷此文件可否信賴。", "凭现有资料无法判断此文件可否信赖。"},
	"not-signed":         {"The document has no signature.", "此文件沒有簽署。", "此文件没有签署。"},
	"changes":            {"Changes after signing", "簽署後的更改", "签署后的更改"},
	"changes-none":       {"none", "沒有", "没有"},
	"changes-allowed":    {"such as the signers allowed", "簽署人容許的更改", "签署人容许的更改"},
	"changes-suspicious": {"such as no signer allowed", "未經簽署人容許的更改", "未经签署人容许的更改"},
	"unsigned":           {"Not signed by anybody", "未經簽署的部分", "未经签署的部分"},
	"fault":              {"Wrong with the container", "容器有誤", "容器有误"},
	"pictures":           {"The pages that were signed follow as pictures; the signed file counts, not they.", "其後為經簽署頁面的圖像，一切以經簽署的檔案為準。", "其后为经签署页面的图像，一切以经签署的文件为准。"},
	"pictures-cut":       {"There are more pages than pictures: the others are not shown.", "頁數多於圖像數目，其餘頁面並未顯示。", "页数多于图像数目，其余页面并未显示。"},
	"pictures-absent":    {"There are no pictures of the pages: this machine has no program that draws them (Debian package poppler-utils).", "沒有頁面圖像：本機沒有可繪製頁面的程式（Debian 套件 poppler-utils）。", "没有页面图像：本机没有可绘制页面的程序（Debian 软件包 poppler-utils）。"},
	"pictures-failed":    {"Pages are missing among the pictures: they could not be drawn.", "部分或全部頁面無法繪製，因此沒有圖像。", "部分或全部页面无法绘制，因此没有图像。"},
	"page":               {"Page %d of %d", "第 %d 頁，共 %d 頁", "第 %d 页，共 %d 页"},
	"as-signed":          {"As signed by", "由以下簽署涵蓋", "由以下签署涵盖"},
	"looks-same":         {"The page looks the same in the file as it is now.", "檔案現時的此頁看來與此相同。", "文件现时的此页看来与此相同。"},
	"looks-other":        {"Framed in red: where the page looks different in the file as it is now.", "紅框內：檔案現時的此頁與此不同之處。", "红框内：文件现时的此页与此不同之处。"},
	"page-gone":          {"The file as it is now has no such page that could be drawn.", "檔案現時沒有此頁，或此頁無法繪製。", "文件现时没有此页，或此页无法绘制。"},
	"later":              {"Changed afterwards", "其後的更改", "其后的更改"},
	"signature":          {"Signature", "簽署", "签署"},
	"indication":         {"Indication", "結論", "结论"},
	"signer":             {"Signer", "簽署人", "签署人"},
	"claimed":            {"Time that the signer claims", "簽署人聲稱的時間", "签署人声称的时间"},
	"proven":             {"Proven to have existed at", "經證明已存在的時間", "经证明已存在的时间"},
	"unproven":           {"Nothing proves when it was signed.", "沒有證據證明簽署的時間。", "没有证据证明签署的时间。"},
	"signs":              {"Signs", "簽署內容", "签署内容"},
	"format":             {"Format and level", "格式及級別", "格式及级别"},
	"anchor":             {"Trusted because of", "信任來源", "信任来源"},
	"list":               {"Entry of the trusted list", "信任清單的記項", "信任清单的记项"},
	"ordinance":          {"Electronic Transactions Ordinance (Cap. 553), section 6", "《電子交易條例》（第553章）第6條", "《电子交易条例》（第553章）第6条"},
	"footing":            {"This report is about what was found at the time of judging. It is no legal advice.", "本報告只反映驗證時的結果，並非法律意見。", "本报告只反映验证时的结果，并非法律意见。"},

	"check-FC":  {"The format is sound, and the signature covers what it should.", "格式正確，而且簽署涵蓋應涵蓋的內容。", "格式正确，而且签署涵盖应涵盖的内容。"},
	"check-ISC": {"The signature names its certificate.", "簽署指明其證書。", "签署指明其证书。"},
	"check-VCI": {"The rules under which it is judged are known.", "驗證所用的規則已確定。", "验证所用的规则已确定。"},
	"check-CV":  {"The digest and the signature value are right.", "摘要及簽署值正確。", "摘要及签署值正确。"},
	"check-XCV": {"The certificate leads to a trusted one, each valid at the time.", "證書連至受信任的證書，而且當時全部有效。", "证书连至受信任的证书，而且当时全部有效。"},
	"check-RFC": {"The status of the certificate is known for that time.", "已知證書在當時的狀況。", "已知证书在当时的状况。"},
	"check-TSV": {"The time-stamp is valid.", "時間戳記有效。", "时间戳记有效。"},
	"check-SAV": {"The attributes and algorithms are acceptable.", "屬性及演算法可予接受。", "属性及算法可予接受。"},
	"check-PSV": {"What is past is judged as of a time that is proven.", "過往的資料按經證明的時間判斷。", "过往的资料按经证明的时间判断。"},

	"why-broken":  {"The document or its signature was changed after it was made.", "文件或簽署在作出後曾被更改。", "文件或签署在作出后曾被更改。"},
	"why-form":    {"The signature is not built as its format says.", "簽署不符合其格式的規定。", "签署不符合其格式的规定。"},
	"why-revoked": {"The certificate was revoked, or may have been when it was used.", "證書已被撤銷，或在使用時可能已被撤銷。", "证书已被撤销，或在使用时可能已被撤销。"},
	"why-time":    {"It is not proven that the certificate was valid when it was used.", "未能證明證書在使用時有效。", "未能证明证书在使用时有效。"},
	"why-trust":   {"The certificate does not lead to anybody who is trusted here.", "證書未能連至此處信任的機構。", "证书未能连至此处信任的机构。"},
	"why-rules":   {"A rule for signatures, certificates or algorithms is not kept.", "未符合有關簽署、證書或演算法的規則。", "未符合有关签署、证书或算法的规则。"},
	"why-missing": {"Something is missing that would decide it: the signed file, or a certificate.", "缺少作出判斷所需的資料：被簽署的檔案或證書。", "缺少作出判断所需的资料：被签署的文件或证书。"},
	"why-later":   {"The status of a certificate is not known now; it may be later.", "暫未知悉證書的狀況，請稍後再試。", "暂未知悉证书的状况，请稍后再试。"},
}

var meanings = map[validation.SubIndication]string{
	validation.HashFailure: "why-broken", validation.SigCryptoFailure: "why-broken", validation.FormatFailure: "why-form",
	validation.Revoked: "why-revoked", validation.RevokedNoPOE: "why-revoked", validation.RevokedCANoPOE: "why-revoked",
	validation.Expired: "why-time", validation.NotYetValid: "why-time", validation.OutOfBoundsNoPOE: "why-time", validation.NoPOE: "why-time", validation.TimestampOrderFailure: "why-time",
	validation.NoCertificateChainFound: "why-trust", validation.CertificateChainGeneralFailure: "why-trust",
	validation.SigConstraintsFailure: "why-rules", validation.ChainConstraintsFailure: "why-rules", validation.CryptoConstraintsFailure: "why-rules", validation.CryptoConstraintsFailureNoPOE: "why-rules",
	validation.NoSigningCertificateFound: "why-missing", validation.SignedDataNotFound: "why-missing", validation.TryLater: "why-later",
}

// meaning is the word for what a sub-indication means.
func meaning(s validation.SubIndication) string { return meanings[s] }

func word(name, lang string) string {
	for i, l := range Languages {
		if l == lang {
			return words[name][i]
		}
	}
	return ""
}
