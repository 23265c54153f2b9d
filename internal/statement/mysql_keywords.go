package statement

// mySyntax marks the words that are reserved in both dialects, or that have a
// syntax of their own before a parenthesis: none calls a function of the
// database.
const mySyntax word = 1 << 15

// The words that the classifier treats one by one.
const (
	myAlter            word = 1
	myAnalyze          word = 2
	myAs               word = mySyntax + 3
	myBackup           word = 4
	myBegin            word = 5
	myBinlog           word = 6
	myBy               word = mySyntax + 7
	myCache            word = 8
	myCall             word = mySyntax + 9
	myCase             word = mySyntax + 10
	myChange           word = 11
	myCheck            word = 12
	myChecksum         word = 13
	myClone            word = 14
	myColumns          word = 15
	myCommit           word = 16
	myCreate           word = 17
	myCycle            word = 18
	myData             word = 19
	myDeallocate       word = 20
	myDeclare          word = 21
	myDelete           word = mySyntax + 22
	myDesc             word = mySyntax + 23
	myDescribe         word = 24
	myDo               word = 25
	myDrop             word = 26
	myElse             word = mySyntax + 27
	myEnd              word = 28
	myEvent            word = 29
	myExecute          word = 30
	myExplain          word = 31
	myFlush            word = 32
	myFor              word = mySyntax + 33
	myFormat           word = 34
	myFrom             word = mySyntax + 35
	myFunction         word = 36
	myGet              word = 37
	myGlobal           word = 38
	myGrant            word = 39
	myHandler          word = 40
	myHelp             word = 41
	myIf               word = mySyntax + 42
	myImport           word = 43
	myIn               word = mySyntax + 44
	myInsert           word = mySyntax + 45
	myInstall          word = 46
	myInto             word = mySyntax + 47
	myKill             word = 48
	myLoad             word = 49
	myLocal            word = 50
	myLock             word = mySyntax + 51
	myLoop             word = 52
	myMember           word = 53
	myMode             word = 54
	myNext             word = 55
	myNot              word = mySyntax + 56
	myOf               word = 57
	myOptimize         word = 58
	myPackage          word = 59
	myPersist          word = 60
	myPersistOnly      word = 61
	myPrepare          word = 62
	myPrevious         word = 63
	myProcedure        word = mySyntax + 64
	myPurge            word = 65
	myRead             word = 66
	myRecursive        word = 67
	myRelease          word = 68
	myRename           word = 69
	myRepair           word = 70
	myRepeat           word = mySyntax + 71
	myReplace          word = mySyntax + 72
	myReset            word = 73
	myResignal         word = 74
	myRestart          word = 75
	myRestrict         word = 76
	myReturn           word = 77
	myRevoke           word = 78
	myRollback         word = 79
	myRow              word = mySyntax + 80
	mySavepoint        word = 81
	mySelect           word = mySyntax + 82
	mySession          word = 83
	mySet              word = mySyntax + 84
	myShare            word = 85
	myShow             word = 86
	myShutdown         word = 87
	mySignal           word = 88
	mySqlCalcFoundRows word = 89
	myStart            word = 90
	myStatement        word = 91
	myStop             word = 92
	mySystem           word = 93
	myTable            word = mySyntax + 94
	myTemporary        word = 95
	myThen             word = mySyntax + 96
	myTransaction      word = 97
	myTrigger          word = 98
	myTruncate         word = 99
	myUninstall        word = 100
	myUnlock           word = 101
	myUpdate           word = mySyntax + 102
	myUse              word = mySyntax + 103
	myValue            word = 104
	myValues           word = mySyntax + 105
	myWhile            word = mySyntax + 106
	myWith             word = mySyntax + 107
	myXa               word = 108
	myOther            word = mySyntax + 109
)

// longestMySQLKeyword is the length of sql_calc_found_rows.
const longestMySQLKeyword = 19

// mysqlWord finds the word of a name, 0 if it is a plain one.
func mysqlWord(name string) word {
	var lower [longestMySQLKeyword]byte
	if len(name) > len(lower) || len(name) < 2 {
		return 0
	}
	for i := range len(name) {
		lower[i] = toLower(name[i])
	}
	switch string(lower[:len(name)]) {
	case "alter":
		return myAlter
	case "analyze":
		return myAnalyze
	case "as":
		return myAs
	case "backup":
		return myBackup
	case "begin":
		return myBegin
	case "binlog":
		return myBinlog
	case "by":
		return myBy
	case "cache":
		return myCache
	case "call":
		return myCall
	case "case":
		return myCase
	case "change":
		return myChange
	case "check":
		return myCheck
	case "checksum":
		return myChecksum
	case "clone":
		return myClone
	case "columns":
		return myColumns
	case "commit":
		return myCommit
	case "create":
		return myCreate
	case "cycle":
		return myCycle
	case "data":
		return myData
	case "deallocate":
		return myDeallocate
	case "declare":
		return myDeclare
	case "delete":
		return myDelete
	case "desc":
		return myDesc
	case "describe":
		return myDescribe
	case "do":
		return myDo
	case "drop":
		return myDrop
	case "else":
		return myElse
	case "end":
		return myEnd
	case "event":
		return myEvent
	case "execute":
		return myExecute
	case "explain":
		return myExplain
	case "flush":
		return myFlush
	case "for":
		return myFor
	case "format":
		return myFormat
	case "from":
		return myFrom
	case "function":
		return myFunction
	case "get":
		return myGet
	case "global":
		return myGlobal
	case "grant":
		return myGrant
	case "handler":
		return myHandler
	case "help":
		return myHelp
	case "if":
		return myIf
	case "import":
		return myImport
	case "in":
		return myIn
	case "insert":
		return myInsert
	case "install":
		return myInstall
	case "into":
		return myInto
	case "kill":
		return myKill
	case "load":
		return myLoad
	case "local":
		return myLocal
	case "lock":
		return myLock
	case "loop":
		return myLoop
	case "member":
		return myMember
	case "mode":
		return myMode
	case "next":
		return myNext
	case "not":
		return myNot
	case "of":
		return myOf
	case "optimize":
		return myOptimize
	case "package":
		return myPackage
	case "persist":
		return myPersist
	case "persist_only":
		return myPersistOnly
	case "prepare":
		return myPrepare
	case "previous":
		return myPrevious
	case "procedure":
		return myProcedure
	case "purge":
		return myPurge
	case "read":
		return myRead
	case "recursive":
		return myRecursive
	case "release":
		return myRelease
	case "rename":
		return myRename
	case "repair":
		return myRepair
	case "repeat":
		return myRepeat
	case "replace":
		return myReplace
	case "reset":
		return myReset
	case "resignal":
		return myResignal
	case "restart":
		return myRestart
	case "restrict":
		return myRestrict
	case "return":
		return myReturn
	case "revoke":
		return myRevoke
	case "rollback":
		return myRollback
	case "row":
		return myRow
	case "savepoint":
		return mySavepoint
	case "select":
		return mySelect
	case "session":
		return mySession
	case "set":
		return mySet
	case "share":
		return myShare
	case "show":
		return myShow
	case "shutdown":
		return myShutdown
	case "signal":
		return mySignal
	case "sql_calc_found_rows":
		return mySqlCalcFoundRows
	case "start":
		return myStart
	case "statement":
		return myStatement
	case "stop":
		return myStop
	case "system":
		return mySystem
	case "table":
		return myTable
	case "temporary":
		return myTemporary
	case "then":
		return myThen
	case "transaction":
		return myTransaction
	case "trigger":
		return myTrigger
	case "truncate":
		return myTruncate
	case "uninstall":
		return myUninstall
	case "unlock":
		return myUnlock
	case "update":
		return myUpdate
	case "use":
		return myUse
	case "value":
		return myValue
	case "values":
		return myValues
	case "while":
		return myWhile
	case "with":
		return myWith
	case "xa":
		return myXa
	case "all", "and", "asc", "between", "bigint", "binary",
		"blob", "both", "char", "character", "collate", "convert",
		"cross", "current_date", "current_time", "current_timestamp", "current_user", "database",
		"dec", "decimal", "default", "distinct", "distinctrow", "div",
		"double", "elseif", "except", "exists", "float", "force",
		"fulltext", "group", "having", "high_priority", "ignore", "index",
		"inner", "int", "integer", "interval", "is", "join",
		"key", "keys", "leading", "left", "like", "limit",
		"localtime", "localtimestamp", "match", "mod", "natural", "numeric",
		"on", "or", "order", "outer", "over", "partition",
		"range", "real", "regexp", "right", "rlike", "schema",
		"smallint", "straight_join", "tinyint", "trailing", "union", "unique",
		"using", "utc_date", "utc_time", "utc_timestamp", "varbinary", "varchar",
		"when", "where", "xor":
		return myOther
	}
	return 0
}
