package upload

// Refusal says why a whole file cannot be taken: a reason, and the line at which that was seen.
type Refusal struct {
	Reason   string `json:"reason" dynamodbav:"why"`
	Line     int    `json:"line,omitempty" dynamodbav:"line,omitempty"`
	Sentence string `json:"sentence" dynamodbav:"-"`
}

// refusalError is the refusal of a file on its way to where it is written down.
type refusalError struct{ Refusal }

// Error gives the reason.
func (r *refusalError) Error() string { return "file refused: " + r.Reason }

func refuse(why string, line int) error { return &refusalError{Refusal{Reason: why, Line: line}} }

// The reasons for which a file is refused as a whole.
const (
	NotUTF8        = "not_utf8"
	NoHeader       = "no_header"
	HeaderUnclear  = "header_malformed"
	UnknownColumn  = "unknown_column"
	RepeatedColumn = "repeated_column"
	MissingColumns = "missing_columns"
	NoLines        = "no_lines"
	TooManyLines   = "too_many_lines"
	HeaderTooLong  = "header_too_long"
	QuoteOpen      = "quote_not_closed"
	FileMissing    = "file_missing"
	FileChanged    = "file_changed"
)

// sentence tells a person what is wrong and what to do.
func (r *Refusal) sentence() string {
	if s := sentences()[r.Reason]; s != "" {
		return s
	}
	return "The file cannot be taken."
}

func sentences() map[string]string {
	return map[string]string{
		NotUTF8:  "The file is not in UTF-8. Save it as “CSV UTF-8”: else names would come out wrong.",
		NoHeader: "The file has no header. Its first line must name the columns.",
		HeaderUnclear: "The header cannot be read. Part its names by commas, semicolons or tabs, by one " +
			"of them only.",
		UnknownColumn: "The header names a column that there is not. Compare the names, capitals too, " +
			"and leave others out.",
		RepeatedColumn: "The header names a column twice.",
		MissingColumns: "The header must name at least family, given and birthDate.",
		NoLines:        "The file has no lines with patients.",
		TooManyLines:   "The file has more than 100,000 lines. Send it in parts.",
		HeaderTooLong:  "The first line is too long to be a header.",
		QuoteOpen:      "A quotation mark opens in this line and is never closed: nobody can tell where the line ends.",
		FileMissing:    "The file is not there any more. Files are kept for seven days. Make a new upload.",
		FileChanged: "The file is not the one that was announced, or not the one that was tried. " +
			"Make a new upload.",
	}
}
