package audit_test
import ("testing";"time";"fmt";"github.com/taskrouter/taskrouter/taskrouter")
func TestZZ(t *testing.T){
 w:=newWorld(t,openDatabase(t,"memory"))
 q:=w.queue("All","1==1")
 w.workflow(routing(q,filter("kind == 'x'",q,`"expression":"task.lang IN worker.langs"`)))
 for i:=range 20 { w.worker(fmt.Sprintf("A%d",i),`{"langs":["en"]}`,"Available") }
 for range 1000 { w.task(`{"kind":"x","lang":"ja"}`, priority(9)) ; w.clock.advance(-990*time.Millisecond)}
 for range 500 { s:=w.task(`{"kind":"y"}`); for wk:=range w.offers(s) { w.answer(s,wk,taskrouter.ReservationAccepted); w.answer(s,wk,taskrouter.ReservationCompleted)}; w.clock.advance(-2900*time.Millisecond) }
 a:=time.Now(); r:=w.requireHealthy(); t.Logf("%s %+v",time.Since(a),r.Totals)
}
