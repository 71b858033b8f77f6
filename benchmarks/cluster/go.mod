module example.com/signedurl/benchmarks/cluster

go 1.26.0

replace example.com/signedurl => ../..

replace example.com/signedurl/middleware/redisstore => ../../middleware/redisstore

require (
	example.com/signedurl v0.0.0
	example.com/signedurl/middleware/redisstore v0.0.0-00010101000000-000000000000
	github.com/redis/go-redis/v9 v9.23.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)
