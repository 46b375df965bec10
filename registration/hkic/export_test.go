package hkic

// ParseGroups is for the fuzz target of data groups.
var ParseGroups = parseGroups
