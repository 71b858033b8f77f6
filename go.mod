module example.com/signedurl

go 1.26

require (
	github.com/google/go-cmp v0.7.0
	github.com/justinas/alice v1.2.0
)
