package eto

// reasons are all that there are, by their codes.
var reasons = map[string]phrase{
	"changed": {
		text:    words("The document was changed after signing in a way that the signature does not allow, or holds parts that are not signed: what is shown is not what was signed.", "文件在簽署後曾以簽署不容許的方式更改，或含有未經簽署的部分：所顯示的並非所簽署的。", "文件在签署后曾以签署不容许的方式更改，或含有未经签署的部分：所显示的并非所签署的。"),
		decides: words("Ask the signer for the document as it was signed.", "請向簽署人索取簽署時的文件。", "请向签署人索取签署时的文件。"),
	},
	"intact": {
		text: words("The signature is intact, and fits the certificate that it names.", "簽署完整，並與其指明的證書相符。", "签署完整，并与其指明的证书相符。"),
	},
	"broken": {
		text: words("The signature does not hold ({1}).", "簽署不成立（{1}）。", "签署不成立（{1}）。"),
	},
	"unclear": {
		text:    words("Whether the signature holds could not be found out ({1}).", "未能查明簽署是否成立（{1}）。", "未能查明签署是否成立（{1}）。"),
		decides: words("See the report: it names what is missing, a signed file or an algorithm that is relied on.", "請參閱報告：報告列明所欠缺的，例如所簽署的檔案或可依賴的演算法。", "请参阅报告：报告列明所欠缺的，例如所签署的文件或可依赖的算法。"),
	},
	"no-list": {
		text:    words("No list of recognized certification authorities was consulted.", "沒有查閱認可核證機關名單。", "没有查阅认可核证机关名单。"),
		decides: words("Give the list, and who signs it.", "請提供名單及其簽署者。", "请提供名单及其签署者。"),
	},
	"no-chain": {
		text:    words("No path leads from the certificate to a service on the list.", "證書未能連繫至名單上的任何服務。", "证书未能连系至名单上的任何服务。"),
		decides: words("Give the certificates of its issuers, or the list that has them.", "請提供其發出者的證書，或載有該等發出者的名單。", "请提供其发出者的证书，或载有该等发出者的名单。"),
	},
	"not-listed": {
		text: words("The certificate leads to {1}, which is on none of the lists that were given.", "證書連繫至 {1}，而所提供的名單均沒有載列該機關。", "证书连系至 {1}，而所提供的名单均没有载列该机关。"),
	},
	"listed": {
		text: words("Issued below {1} of {2}, which entry list {3} no. {4} has as {5} since {6}; judged for {7}.", "由{2}的{1}發出；名單 {3} 第 {4} 號自 {6} 起將其載列為 {5}；以 {7} 為準。", "由{2}的{1}发出；名单 {3} 第 {4} 号自 {6} 起将其载列为 {5}；以 {7} 为准。"),
	},
	"listed-unproven": {
		text:    words("Issued below {1} of {2}, which list {3} no. {4} has as {5} since {6}; but nothing proves that the signature existed at {7}.", "由{2}的{1}發出；名單 {3} 第 {4} 號自 {6} 起將其載列為 {5}；但無從證明簽署於 {7} 已存在。", "由{2}的{1}发出；名单 {3} 第 {4} 号自 {6} 起将其载列为 {5}；但无从证明签署于 {7} 已存在。"),
		decides: words("A time-stamp over the signature, or judging it as of now.", "簽署上的時間戳記，或以現在為準作判斷。", "签署上的时间戳记，或以现在为准作判断。"),
	},
	"stale-list": {
		text:    words("List {3} no. {4} no longer speaks for {7}: a newer one should be there.", "名單 {3} 第 {4} 號不再涵蓋 {7}：應有較新的名單。", "名单 {3} 第 {4} 号不再涵盖 {7}：应有较新的名单。"),
		decides: words("The list that replaces it.", "取代該名單的新名單。", "取代该名单的新名单。"),
	},
	"withdrawn-unproven": {
		text:    words("{1} of {2} was {5} on list {3} no. {4} since {6}, and nothing proves that the signature was made while it was recognized; judged for {7}.", "名單 {3} 第 {4} 號自 {6} 起將{2}的{1}載列為 {5}，而無從證明簽署是在其獲認可期間作出；以 {7} 為準。", "名单 {3} 第 {4} 号自 {6} 起将{2}的{1}载列为 {5}，而无从证明签署是在其获认可期间作出；以 {7} 为准。"),
		decides: words("A time-stamp from before {6}.", "{6} 之前的時間戳記。", "{6} 之前的时间戳记。"),
	},
	"withdrawn": {
		text: words("{1} of {2} was {5} on list {3} no. {4} since {6}, and the signature was made after that.", "名單 {3} 第 {4} 號自 {6} 起將{2}的{1}載列為 {5}，而簽署是在其後作出。", "名单 {3} 第 {4} 号自 {6} 起将{2}的{1}载列为 {5}，而签署是在其后作出。"),
	},
	"no-certificate": {
		text:    words("The signer's certificate is not there.", "沒有簽署人的證書。", "没有签署人的证书。"),
		decides: words("The certificate.", "該證書。", "该证书。"),
	},
	"no-proof-of-time": {
		text:    words("It was judged for a time that somebody chose, and nothing proves that the signature existed then.", "所依據的時間是由人選定的，而無從證明簽署當時已存在。", "所依据的时间是由人选定的，而无从证明签署当时已存在。"),
		decides: words("A time-stamp over the signature, or judging it as of now.", "簽署上的時間戳記，或以現在為準作判斷。", "签署上的时间戳记，或以现在为准作判断。"),
	},
	"before-validity": {
		text: words("The signature existed at {1}, before its certificate was valid from {2}.", "簽署於 {1} 已存在，早於其證書自 {2} 起的有效期。", "签署于 {1} 已存在，早于其证书自 {2} 起的有效期。"),
	},
	"after-validity": {
		text: words("The signature was made after {1}, and its certificate had ended at {2}.", "簽署在 {1} 之後作出，而其證書已於 {2} 期滿。", "签署在 {1} 之后作出，而其证书已于 {2} 期满。"),
	},
	"expired-unproven": {
		text:    words("The oldest proof of the signature is of {1}, and the certificate ended at {2}.", "簽署最早的證明屬於 {1}，而證書已於 {2} 期滿。", "签署最早的证明属于 {1}，而证书已于 {2} 期满。"),
		decides: words("A time-stamp from before {2}.", "{2} 之前的時間戳記。", "{2} 之前的时间戳记。"),
	},
	"revoked-before": {
		text: words("The signature was made after {1}, and its certificate was revoked at {2}.", "簽署在 {1} 之後作出，而其證書已於 {2} 被撤銷。", "签署在 {1} 之后作出，而其证书已于 {2} 被撤销。"),
	},
	"revoked-unproven": {
		text:    words("The oldest proof of the signature is of {1}, and the certificate was revoked at {2}.", "簽署最早的證明屬於 {1}，而證書已於 {2} 被撤銷。", "签署最早的证明属于 {1}，而证书已于 {2} 被撤销。"),
		decides: words("A time-stamp from before {2}.", "{2} 之前的時間戳記。", "{2} 之前的时间戳记。"),
	},
	"suspended": {
		text: words("The signature was made between {1} and {2}, while its certificate was suspended.", "簽署在 {1} 與 {2} 之間作出，而當時其證書已被暫時吊銷。", "签署在 {1} 与 {2} 之间作出，而当时其证书已被暂时吊销。"),
	},
	"hold-unproven": {
		text:    words("The certificate was suspended from {1} on, and the signature existed at {2}: it may have been made during the suspension.", "證書自 {1} 起曾被暫時吊銷，而簽署於 {2} 已存在：簽署可能是在吊銷期間作出。", "证书自 {1} 起曾被暂时吊销，而签署于 {2} 已存在：签署可能是在吊销期间作出。"),
		decides: words("A time-stamp over the signature from before the suspension, or one within what was signed from after it.", "吊銷之前在簽署上的時間戳記，或吊銷之後載於所簽署內容的時間戳記。", "吊销之前在签署上的时间戳记，或吊销之后载于所签署内容的时间戳记。"),
	},
	"not-bound": {
		text:    words("The signature does not name its certificate by a digest, so it may be older than the certificate.", "簽署沒有以摘要指明其證書，因此可能早於該證書。", "签署没有以摘要指明其证书，因此可能早于该证书。"),
		decides: words("A time-stamp within what was signed.", "載於所簽署內容的時間戳記。", "载于所签署内容的时间戳记。"),
	},
	"status-unknown": {
		text:    words("Nothing says whether the certificate was revoked or suspended at {1}.", "沒有資料顯示證書於 {1} 是否已被撤銷或暫時吊銷。", "没有资料显示证书于 {1} 是否已被撤销或暂时吊销。"),
		decides: words("A revocation list or an OCSP answer that speaks for that time.", "涵蓋該時間的撤銷名單或 OCSP 回應。", "涵盖该时间的撤销名单或 OCSP 响应。"),
	},
	"within": {
		text: words("The certificate is valid from {1} to {2}; the signature names it, and existed at {3}, when it was neither revoked nor suspended.", "證書的有效期由 {1} 至 {2}；簽署指明該證書，並於 {3} 已存在，當時證書未被撤銷或暫時吊銷。", "证书的有效期由 {1} 至 {2}；签署指明该证书，并于 {3} 已存在，当时证书未被撤销或暂时吊销。"),
	},
	"key-usage": {
		text: words("The certificate is not for signatures by which its holder is bound: its key usage lacks nonRepudiation.", "證書並非用於對持有人具約束力的簽署：其密碼匙用途沒有 nonRepudiation。", "证书并非用于对持有人具约束力的签署：其密钥用途没有 nonRepudiation。"),
	},
	"no-policy": {
		text:    words("The certificate states no policy, and so no terms.", "證書沒有述明政策，因此沒有條款。", "证书没有述明政策，因此没有条款。"),
		decides: words("Its issuer's certification practice statement.", "其發出者的核證作業準則。", "其发出者的核证作业准则。"),
	},
	"terms-unknown": {
		text:    words("The terms of policy {1} are not known here.", "這裏不知悉政策 {1} 的條款。", "这里不知悉政策 {1} 的条款。"),
		decides: words("Read them in the issuer's certification practice statement, and give the policy as known.", "請閱覽其發出者核證作業準則內的條款，並將該政策列為已知。", "请阅览其发出者核证作业准则内的条款，并将该政策列为已知。"),
	},
	"terms-known": {
		text: words("Signing is among the terms of policy {1}, and there is no reliance limit.", "簽署屬政策 {1} 的條款所准許，且沒有倚據限額。", "签署属政策 {1} 的条款所准许，且没有倚据限额。"),
	},
	"within-limit": {
		text: words("Signing is among the terms of policy {1}; its reliance limit is {2}.", "簽署屬政策 {1} 的條款所准許；其倚據限額為 {2}。", "签署属政策 {1} 的条款所准许；其倚据限额为 {2}。"),
	},
	"beyond-limit": {
		text: words("{1} is relied on, and the reliance limit is {2}.", "所倚據的款額為 {1}，而倚據限額為 {2}。", "所倚据的款额为 {1}，而倚据限额为 {2}。"),
	},
	"kind-not-declared": {
		text:    words("The kind of document was not declared.", "沒有申報文件的類別。", "没有申报文件的类别。"),
		decides: words("Say what kind of document it is.", "請說明文件屬何類別。", "请说明文件属何类别。"),
	},
	"kind-other": {
		text: words("Declared to be none of the kinds that Schedule 1 excludes.", "已申報並非附表1豁除的任何類別。", "已申报并非附表1豁除的任何类别。"),
	},
	"kind-excluded": {
		text: words("Schedule 1, item {1}, excludes it:", "附表1第{1}項將其豁除：", "附表1第{1}项将其豁除："),
	},
}
