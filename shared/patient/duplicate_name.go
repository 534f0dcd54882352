package patient

import (
	"slices"
	"strings"
	"unicode"
)

// How alike two people's given names are.
const (
	unlikeNames = iota
	initials    // one is the other's first letter: "J" and "James"
	sameNames   // the same, or one is short for the other
)

// wholly tells how alike the given names are among names that share the family name.
func wholly(a, b Patient) int {
	best := unlikeNames
	for _, x := range a.Names {
		for _, y := range b.Names {
			switch {
			case swapped(x, y):
				best = sameNames
			case !sameFamily(x.Family, y.Family):
			case len(x.Given) == 0 && len(y.Given) == 0:
				best = sameNames
			default:
				best = max(best, likeGiven(x.Given, y.Given))
			}
		}
	}
	return best
}

// likelyGiven is how alike the given names are, whatever the family names.
func likelyGiven(a, b Patient) int {
	best := unlikeNames
	for _, x := range a.Names {
		for _, y := range b.Names {
			best = max(best, likeGiven(x.Given, y.Given))
		}
	}
	return best
}

// sameFamily tells whether two family names are the same, or one is a part of the other: Smith and Smith-Jones.
func sameFamily(x, y string) bool {
	fx, fy := folded(x), folded(y)
	switch {
	case fx == "" || fy == "":
		return fx == fy
	case fx == fy:
		return true
	}
	px, py := parts(x), parts(y)
	return len(px) > 1 && slices.Contains(px, fy) || len(py) > 1 && slices.Contains(py, fx)
}

// swapped tells whether one's family name is the other's given name and the other way round.
func swapped(x, y Name) bool {
	gx, gy := folded(strings.Join(x.Given, " ")), folded(strings.Join(y.Given, " "))
	return gx != "" && gy != "" && gx == folded(y.Family) && gy == folded(x.Family)
}

// likeGiven compares first given names, by which people are known. Two people with the same first name and different
// second ones may well be one of whom somebody wrote down less.
func likeGiven(x, y []string) int {
	fx, fy := firstOf(x), firstOf(y)
	switch {
	case fx == "" || fy == "":
		return unlikeNames
	case fx == fy || shortFor(fx, fy):
		return sameNames
	case initialOf(fx, fy) || initialOf(fy, fx):
		return initials
	}
	return unlikeNames
}

// firstOf is the first word of given names, folded.
func firstOf(given []string) string {
	for _, g := range given {
		for _, w := range strings.FieldsFunc(g, unicode.IsSpace) {
			if f := folded(w); f != "" {
				return f
			}
		}
	}
	return ""
}

func initialOf(short, name string) bool {
	return len([]rune(short)) == 1 && strings.HasPrefix(name, short)
}

// shortNames lists, a line for each, names and what people called so are also called.
const shortNames = `
abigail abby abi gail
alan al
albert al bert bertie
alexander alex alec al sandy sasha xander
alexandra alex sandra sasha lexi
alfred alf alfie fred
andrew andy drew
anne ann annie anna nan
anthony tony ant antony
arthur art
barbara babs barb
benjamin ben benny
bernard bernie
bradley brad
bridget biddy bridie
caroline carol carrie caro
catherine katherine kathryn cathy kathy kate katie kat kay kitty cath
charles charlie chas chuck
charlotte lottie charlie
christina chris chrissie tina
christine chris chrissie
christopher chris kit topher
clifford cliff
cynthia cindy
daniel dan danny
david dave davy dai
deborah debra deb debbie
dennis den
derek del
diana di
donald don
dorothy dot dottie dolly
edmund ed eddie ted
edward ed eddie ned ted teddy
eleanor ellie nell nora
elizabeth liz lizzie beth betty eliza bess elsie libby lisa
emily em emmy
emma em
eric rick
ernest ernie
eugene gene
evelyn eve evie
florence flo florrie flossie
frances fran frankie fanny
francis frank frankie
frederick fred freddie
gabriel gabe
geoffrey jeffrey geoff jeff
gerald gerry jerry
gillian gill jill
gregory greg
gwendolyn gwen
harold harry hal
harriet hattie harry
helen nell ellen
henry harry hal
herbert bert herb
howard howie
hugh hughie
isabella isabel isobel bella izzy
jacob jake
jacqueline jackie
james jim jimmy jamie jem
jane janie jenny
janet jan
jennifer jen jenny
jeremy jerry jez
jessica jess jessie
joan joanie
joanna joanne jo
john jack johnny jon
jonathan jon jonny
joseph joe joey
josephine jo josie
joshua josh
joyce joy
judith judy
julia julie jules
karen kaz
kenneth ken kenny
kimberley kim
lawrence laurence larry laurie
leonard len lenny leo
leslie les
lillian lily lil
louise lou
lucy lucinda
margaret maggie meg peggy marge margie madge greta daisy
maria marie mary
martin marty
mary molly polly may
matilda tilly maud
matthew matt
maureen mo
maurice mo
maxwell max
megan meg
michael mike mick micky mickey
michelle shelly
mohammed muhammad mohammad mohamed muhammed mo
nancy nan
natalie nat
natasha tasha
nathaniel nathan nat
nicholas nick nicky nicolas
nicola nicky nikki
norman norm
oliver ollie
olivia liv livvy
pamela pam
patricia pat patsy tricia trish paddy
patrick pat paddy
pauline paula
penelope penny
peter pete
philip phillip phil pip
philippa pip pippa
rachel rach
raymond ray
rebecca becky becca
reginald reg reggie
richard rich rick ricky dick dickie
robert rob robbie bob bobby bert
roger rodge
ronald ron ronnie
rosemary rose rosie
roy royston
russell russ
samantha sam sammy
samuel sam sammy
sarah sara sally sadie
sebastian seb
sharon shaz
sidney sid
simon si
solomon sol
sophia sophie
stanley stan
stephanie steph
stephen steven steve
stuart stewart stu
susan sue susie suzie susannah suzanne
sylvia sylvie
terence terry
theodore theo ted
theresa teresa terry tess tessa
thomas tom tommy
timothy tim timmy
valerie val
veronica ronnie
victor vic
victoria vicky vikki tori
vincent vince
virginia ginny
vivian viv
walter wally walt
wilfred wilf fred
william will bill billy willie liam
winifred winnie
yvonne von
zachary zac zach zack
`

// shortFor tells whether both names are ways to call one person: one line lists both.
func shortFor(x, y string) bool {
	for line := range strings.Lines(shortNames) {
		names := strings.Fields(line)
		if slices.Contains(names, x) && slices.Contains(names, y) {
			return true
		}
	}
	return false
}
