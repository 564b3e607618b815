#!/bin/sh
# Says how a run stands: KIND CODE OUT_SIZE ERR_SIZE. Set before: folder, uuid.
# shellcheck disable=SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    [ ! -e "$folder/sealed" ] || answer missing - - -
    judge "$folder" "$uuid"
    answer "$kind" "$code" "$out_size" "$err_size"
}

main; exit
