package task

// Codes says what the kinds of tasks mean, in the words that each task has.
func (Task) Codes() map[string][][2]string { return map[string][][2]string{"kind": texts()} }
