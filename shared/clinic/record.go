package clinic

// record is what all that is set up has in common.
type record interface {
	ETagVersion() int64
	key() string
	label() string
}

func (s Site) key() string           { return s.ID }
func (s Site) label() string         { return s.Name }
func (r Room) key() string           { return r.ID }
func (r Room) label() string         { return r.Name }
func (s Service) key() string        { return s.ID }
func (s Service) label() string      { return s.Name }
func (p Practitioner) key() string   { return p.ID }
func (p Practitioner) label() string { return p.Name }
func (s Staff) key() string          { return s.Subject }
func (s Staff) label() string        { return s.Name }

// Path is the record's address.
func (Organisation) Path() string { return "/v1/organisation" }

// Path is the record's address.
func (s Site) Path() string { return "/v1/sites/" + s.ID }

// Path is the record's address.
func (r Room) Path() string { return "/v1/rooms/" + r.ID }

// Path is the record's address.
func (s Service) Path() string { return "/v1/services/" + s.ID }

// Path is the record's address.
func (p Practitioner) Path() string { return "/v1/practitioners/" + p.ID }

// Path is the record's address.
func (l Leave) Path() string { return "/v1/leave/" + l.ID }
