package main

import (
	"os"
	"os/user"
	"strconv"
)

// localName is the name of the user who runs this process, or their number where it has no name.
func localName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// localActor is who acts on the command line, as the audit log names them: the operating system's user, who
// may read the folder's secrets.
func localActor() string { return "local:" + localName() }
