#!/bin/bash
select x in a b; do break; done
coproc foo { cat; }
cat <<<"here"; f() { return 0; }; echo $'\n' {1..3}; (( i++ )) ; echo ${x^^}
