module example.com/signedurl/ci/browser

go 1.26.0

replace (
	example.com/signedurl => ../..
	example.com/signedurl/signedfs/bucketfs => ../../signedfs/bucketfs
	example.com/signedurl/signedfs/resumable => ../../signedfs/resumable
)

require (
	example.com/signedurl v0.0.0
	example.com/signedurl/signedfs/resumable v0.0.0
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/jub0bs/cors v0.13.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/tus/tusd/v2 v2.9.1 // indirect
	golang.org/x/exp v0.0.0-20250106191152-7588d65b2ba8 // indirect
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)
