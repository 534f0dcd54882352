package patient

// Fold gives a name, or a part of one, as names are compared: letters and digits alone, without case or diacritics, so
// that "O'Reilly" and "OREILLY" are one, and "Kociński" and "Kocinski".
func Fold(name string) string { return folded(name) }
