package portal

import "strings"

// agent names a browser and its system in words that people know, from what the
// browser says of itself. It is for a person to recognize their own computer by, and
// nothing else: anybody can send anything.
func agent(userAgent string) (browser, system string) {
	first := func(table [][2]string) string {
		for _, t := range table {
			if strings.Contains(userAgent, t[0]) {
				return t[1]
			}
		}
		return ""
	}
	// The more special first: most browsers also claim to be the others.
	browser = first([][2]string{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	})
	system = first([][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "Mac"}, {"Linux", "Linux"},
	})
	return browser, system
}
